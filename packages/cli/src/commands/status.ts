import {
  AgentFlowError,
  type BrokenCode,
  type InstallationStatus,
  type NodeView,
  showDuration,
} from "@agentflow/protocol";
import { ApiCommand } from "../api-command.ts";
import type { Context } from "../config/contexts.ts";
import type { Output } from "../output/output.ts";
import { heading, printRecord, printTable } from "../output/table.ts";
import { type Text, bold, cyan, dim, green, red, yellow } from "../output/text.ts";
import { addressText } from "../output/where.ts";
import { ago } from "../output/when.ts";
import { placeOf } from "../output/findings.ts";
import { newerOf } from "../skew.ts";

export default class Status extends ApiCommand {
  static override summary = "One look at the whole installation";
  static override description =
    "Figures of all tenants need a key with the scope operator, as the local token has it; " +
    "else they are the tenant's own.\nOf a target on Docker its containers are shown too, also when the " +
    "API does not answer; of one in a cluster its pods.";
  static override examples = ["af status", "af status --json"];

  async run(): Promise<void> {
    const { flags } = await this.parse(Status);
    const { url, urls, context } = this.installation(flags);
    const looking = context === undefined ? undefined : this.#carried(context);
    try {
      const client = await this.connect(flags);
      const status = await client.status();
      const carried = await looking;
      const named = context === undefined ? {} : { context: context.name };
      this.output.data({
        url,
        urls,
        ...named,
        ...status,
        ...carried?.data,
      });
      if (this.output.json) return;
      const shown = addressText({ url, urls, ...(context === undefined ? {} : { context }) });
      print(this.output, { url: shown, context, own: this.config.version }, status);
      carried?.print();
    } catch (error) {
      // Nobody answers: what its containers do says more than that. The same fault is told once.
      const carried = await looking;
      if (carried?.fault === undefined || carried.fault !== AgentFlowError.from(error, "").message)
        carried?.print();
      throw error;
    }
  }

  /** The containers or pods of the installation, where somebody can be asked for them. */
  async #carried(context: Context): Promise<Carried | undefined> {
    try {
      if (context.kind === "docker") {
        const { contextContainers, printContainers } = await import("../targets/containers.ts");
        const containers = await contextContainers(context);
        return containers && { data: { containers }, print: () => printContainers(this.output, containers) };
      }
      if (context.kind !== "kubernetes") return undefined;
      const { contextPods, printPods } = await import("../targets/pods.ts");
      const seen = await contextPods(context);
      return seen && { data: seen, print: () => printPods(this.output, seen) };
    } catch (error) {
      const fault = AgentFlowError.from(error, "looking at the containers").message;
      return { data: {}, fault, print: () => this.output.warn(yellow(fault)) };
    }
  }
}

interface Carried {
  readonly data: object;
  /** Why they cannot be looked at. */
  readonly fault?: string;
  readonly print: () => void;
}

/** Which checks there are, or which of them fail and why. */
function readyText(ready: InstallationStatus["ready"]): Text | undefined {
  if (ready === undefined) return undefined;
  const names = ready.checks.map(({ name }) => name).join(", ");
  const bad = ready.checks
    .filter(({ ok }) => !ok)
    .map(({ name, reason }) => `${name} (${reason ?? "failed"})`);
  return ready.ok ? [green("yes"), dim(`  ${names}`)] : red(`no: ${bad.join(", ")}`);
}

function shardsText(shards: InstallationStatus["shards"]): Text | undefined {
  if (shards.length === 0) return undefined;
  const free = shards.filter(({ owner }) => owner === "");
  const counts = Map.groupBy(shards, ({ owner }) => owner);
  counts.delete("");
  const owned = [...counts].map(([owner, { length }]) => `${length} owned by ${owner}`).join(", ");
  if (free.length === 0) return owned;
  const names = free.map(({ shard }) => shard).join(" ");
  const without = yellow(`${free.length} of ${shards.length} have no owner now: ${names}`);
  return owned === "" ? without : [owned, "; ", without];
}

/** Code that does not load: where, why, what to do, and what serves meanwhile. */
function codeRows({ worker, problem, serving }: BrokenCode, named: boolean): (readonly [string, Text])[] {
  const place = placeOf(problem);
  const on = named ? ` on worker ${worker}` : "";
  const meanwhile =
    serving === undefined
      ? red("nothing can run until it loads; runs wait")
      : `the code from before (${serving}) goes on serving`;
  return [
    ["code", [red(`does not load${on}: `), place === "" ? "" : [bold(place), "  "], problem.message]],
    ...(problem.hint === undefined ? [] : [["", ["hint: ", cyan(problem.hint)]] as const]),
    ["", meanwhile],
  ];
}

/** A difference in releases is worth a word before something does not work. */
function versionText(server: string, own: string): Text {
  return server === own
    ? server
    : [server, yellow(`  this af is ${own}: use ${newerOf(server, own)} for both`)];
}

interface Printing {
  readonly url: string;
  readonly context: Context | undefined;
  readonly own: string;
}

function print(output: Output, { url, context, own }: Printing, status: InstallationStatus): void {
  const runs = Object.entries(status.runs).map(([name, count]) => `${count} ${name}`);
  const workers: Text =
    status.workers === 0 ? yellow("none: nothing can run") : green(String(status.workers));
  printRecord(output, [
    ["installation", `${status.installation}  ${url}`],
    [
      "context",
      context === undefined
        ? undefined
        : [context.name, context.kind === "dev" ? "" : dim(`  ${context.kind}`)],
    ],
    ...(status.tenant === undefined ? [] : [["tenant", `${status.tenant}: figures are its own`] as const]),
    ["version", versionText(status.version, own)],
    ["ready", readyText(status.ready)],
    ["shards", shardsText(status.shards)],
    ["up", ago(status.startedAt, Date.now()).replace(/ ago$/, "")],
    ["bus", `${status.bus.kind}${logsOf(status.bus)}`],
    ...status.bus.durability.split("; ").map((part) => ["", part] as const),
    ["workers", workers],
    ...status.broken.flatMap((broken) => codeRows(broken, status.workers > 1)),
    ["runs", runs.join(", ") || "none"],
    ["approvals", approvalsText(status.approvals)],
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

function approvalsText(open = 0): Text | undefined {
  return open === 0 ? undefined : [yellow(`${open} open`), "  ", cyan("af approvals list")];
}

/** One log is what everybody expects. */
function logsOf({ logs = 1 }: InstallationStatus["bus"]): string {
  return logs === 1 ? "" : `; ${logs} logs`;
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
