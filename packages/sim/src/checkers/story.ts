/** What became of one run, in the order of time: its commits, the acts of its tools, the answers about it. */
import type { RunEvent } from "@agentflow/protocol";
import type { Ledger } from "../house/ledger.ts";
import type { Stored } from "./read-log.ts";

export function storyOf(
  commits: readonly Stored[],
  ledger: Ledger,
  of: { run: string; startMs: number },
): string[] {
  const { run, startMs } = of;
  const lines: { readonly atMs: number; readonly text: string }[] = [];
  for (const { atMs, revision, commit } of commits) {
    const inputs = commit.inputs.map(({ kind, refused }) =>
      refused === undefined ? kind : `${kind} refused ${refused}`,
    );
    const text = `#${revision} [${inputs.join(", ")}] ${commit.events.map(shown).join(", ")}`;
    lines.push({ atMs, text });
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
