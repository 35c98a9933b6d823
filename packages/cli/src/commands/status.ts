import { type InstallationStatus, type NodeView, showDuration } from "@agentflow/protocol";
import { ApiCommand } from "../api-command.ts";
import type { Output } from "../output/output.ts";
import { heading, printRecord, printTable } from "../output/table.ts";
import { type Text, green, yellow } from "../output/text.ts";
import { ago } from "../output/when.ts";

export default class Status extends ApiCommand {
  static override summary = "One look at the whole installation";
  static override examples = ["af status", "af status --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(Status);
    const { url } = this.installation(flags);
    const client = await this.connect(flags);
    const status = await client.status();
    this.output.data({ url, ...status });
    if (!this.output.json) print(this.output, url, status);
  }
}

function print(output: Output, url: string, status: InstallationStatus): void {
  const runs = Object.entries(status.runs).map(([name, count]) => `${count} ${name}`);
  const workers: Text =
    status.workers === 0 ? yellow("none: nothing can run") : green(String(status.workers));
  printRecord(output, [
    ["installation", `${status.installation}  ${url}`],
    ["version", status.version],
    ["up", ago(status.startedAt, Date.now()).replace(/ ago$/, "")],
    ["bus", `${status.bus.kind}, ${status.bus.durability}`],
    ["workers", workers],
    ...freeShards(status),
    ["runs", runs.join(", ") || "none"],
    ["timers", String(status.timers)],
    ["dead letters", status.deadLetters === 0 ? "0" : yellow(String(status.deadLetters))],
    ["behind", `${Math.round(status.projectionLagMs)}ms`],
  ]);
  printNodes(output, status);
  if (status.backlog.length === 0) return;
  heading(output, "Pools");
  printTable(
    output,
    [
      { title: "POOL", of: ({ pool }) => pool, flexible: true },
      { title: "WAITING", of: ({ waiting }) => String(waiting), side: "right" },
      { title: "OUT", of: ({ outstanding }) => String(outstanding), side: "right" },
      { title: "SLOTS", of: ({ slots }) => String(slots), side: "right" },
    ],
    status.backlog,
  );
}

/** Told only when it is not as it should be. */
function freeShards({ shards }: InstallationStatus): [string, Text][] {
  const free = shards.filter(({ owner }) => owner === "");
  if (free.length === 0) return [];
  const names = free.map(({ shard }) => shard).join(" ");
  return [["shards", yellow(`${free.length} of ${shards.length} have no owner now: ${names}`)]];
}

/** One alone holds everything, which is not worth a table. */
function printNodes(output: Output, { nodes = [] }: InstallationStatus): void {
  if (nodes.length < 2) return;
  const state = ({ state }: NodeView): Text => (state === "live" ? green(state) : yellow(state));
  heading(output, "Control planes");
  printTable(
    output,
    [
      { title: "NODE", of: ({ node }) => node, flexible: true },
      { title: "STATE", of: state },
      { title: "SHARDS", of: ({ shards }) => String(shards), side: "right" },
      { title: "SINCE", of: ({ since }) => ago(since, Date.now()) },
      { title: "SEEN", of: ({ quietMs }) => `${showDuration(quietMs)} ago` },
      { title: "VERSION", of: ({ version }) => version },
    ],
    nodes,
  );
}
