/** What became of one run, in the order of time: its commits, the acts of its tools, the answers about it. */
import type { RunEvent, TurnEvent } from "@agentflow/protocol";
import type { Ledger } from "../house/ledger.ts";
import type { Journal } from "./journal.ts";
import type { Stored } from "./read-log.ts";

export function storyOf(
  commits: readonly Stored[],
  ledger: Ledger,
  of: { run: string; startMs: number; journals: readonly Journal[] },
): string[] {
  const { run, startMs, journals } = of;
  const lines: { readonly atMs: number; readonly text: string }[] = [];
  for (const { atMs, revision, commit } of commits) {
    const inputs = commit.inputs.map(({ kind, refused }) =>
      refused === undefined ? kind : `${kind} refused ${refused}`,
    );
    const text = `#${revision} [${inputs.join(", ")}] ${commit.events.map(shown).join(", ")}`;
    lines.push({ atMs, text });
  }
  for (const { step, records } of journals) {
    for (const { atMs, revision, record } of records) {
      const events = record.events.map(turnShown).join(", ");
      const text = `#${revision} journal ${step}/${record.attempt} ${events}`;
      lines.push({ atMs, text });
    }
  }
  for (const ask of ledger.asks.filter((one) => one.run === run)) {
    lines.push({
      atMs: ask.atMs,
      text: `${ask.worker} asks the model: ${ask.step}/${ask.attempt} #${ask.n}`,
    });
  }
  for (const deed of ledger.deeds.filter((one) => one.run === run)) {
    const { worker, tool, key, attempt } = deed;
    lines.push({
      atMs: deed.atMs,
      text: `${worker} acts: ${tool} for ${key.slice(run.length + 1)}/${attempt}`,
    });
  }
  for (const act of ledger.acts.filter((one) => one.run === run)) {
    lines.push({ atMs: act.atMs, text: `${act.worker} acts: ${act.tool} for ${act.step}/${act.attempt}` });
  }
  for (const { worker, atMs, input, answer } of ledger.reported.filter((one) => one.run === run)) {
    const about = "step" in input && "attempt" in input ? ` ${input.step}/${input.attempt}` : "";
    const given =
      answer.kind === "refused"
        ? `refused ${answer.reason}`
        : answer.repeated === true
          ? "repeated"
          : "accepted";
    lines.push({ atMs, text: `${worker} hears: ${input.kind}${about} ${given}` });
  }
  for (const { client, atMs, answer } of ledger.told.filter((one) => one.run === run)) {
    lines.push({ atMs, text: `${client} hears: ${answer.status} at ${answer.revision}` });
  }
  return lines
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, text }) => `${(atMs - startMs).toFixed(0).padStart(8)} ms  ${text}`);
}

function shown(event: RunEvent): string {
  const step = "step" in event && event.step !== undefined ? ` ${event.step}` : "";
  const attempt = "attempt" in event && event.attempt !== undefined ? `/${event.attempt}` : "";
  return `${event.kind}${step}${attempt}`;
}

function turnShown(event: TurnEvent): string {
  const call = "call" in event ? ` ${event.call}` : "";
  return "n" in event ? `${event.kind} #${event.n}` : `${event.kind}${call}`;
}
