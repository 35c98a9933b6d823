/** `af debug` for scripts and pipes: one look at one event, or the list of all. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { printTable } from "../output/table.ts";
import { entryTitle } from "./entry-title.ts";
import { paneData, paneLines, type PaneName } from "./panes.ts";
import type { Replay } from "./state.ts";

/** The event's number from 1; a negative one counts from the end. Refuses one that is not there. */
export function eventNumber({ entries }: Replay, at: number): number {
  const n = at < 0 ? entries.length + 1 + at : at;
  if (entries[n - 1] !== undefined) return n;
  throw new AgentFlowError("invalid_input", `there is no event ${at}: this run has ${entries.length}`, {
    reason: "no_such_event",
    suggestions: [`--at 1 to ${entries.length}, or -1 for the last`],
  });
}

export function printPane(output: Output, replay: Replay, of: { n: number; pane: PaneName }): void {
  const { n, pane } = of;
  const { run } = replay.recording.run;
  output.data({ run, n, of: replay.entries.length, [pane]: paneData(replay, n, pane) });
  if (!output.json) for (const line of paneLines(replay, n, pane)) output.line(line);
}

export function printEntries(output: Output, replay: Replay): void {
  const { recording, entries } = replay;
  const items = entries.map((entry) => {
    const { n, revision, at, step, of } = entry;
    const { kind, what } = entryTitle(entry);
    return { n, at, revision, of, kind, ...(step === undefined ? {} : { step }), what };
  });
  output.data({ run: recording.run.run, events: items });
  if (output.json) return;
  printTable(
    output,
    [
      { title: "N", of: ({ n }) => String(n), side: "right" },
      { title: "AT", of: ({ at }) => at },
      { title: "EVENT", of: ({ of, kind }) => (of === "journal" ? `  ${kind}` : kind) },
      { title: "WHAT", of: ({ what }) => what, flexible: true },
    ],
    items,
  );
}
