/** What the commands of a deploy have in common. */
import type { ClusterPlace } from "@agentflow/cluster/inside-cluster";
import { AgentFlowError } from "@agentflow/protocol";
import { readProjectContext } from "../config/project-contexts.ts";
import { contextFlag } from "../context-flag.ts";
import { Args, Flags } from "../flags.ts";
import type { Output } from "../output/output.ts";
import { cyan, dim, yellow } from "../output/text.ts";
import { sayLastLines } from "../targets/failure.ts";
import { confirmationNeeded } from "../targets/runs-in-flight.ts";
import type { ClusterTarget } from "./open.ts";

export const targetArgs = {
  target: Args.string({ ignoreStdin: true, description: "a target of agentflow.yaml in a cluster" }),
};

export const deployFlags = {
  context: contextFlag,
  wait: Flags.boolean({ description: "wait until everything is ready", allowNo: true, default: true }),
  timeout: Flags.string({ description: "longest wait", helpValue: "10m", default: "10m" }),
  "force-conflicts": Flags.boolean({ description: "take over fields that another manager holds" }),
  "prune-data": Flags.boolean({ description: "remove what holds data too, once it is no longer wanted" }),
  yes: Flags.boolean({ char: "y", description: "do not ask" }),
  reason: Flags.string({ description: "kept with the revision, for af deploy list", helpValue: "TEXT" }),
};

/** Events and last lines of what failed, and what had been applied before: on stderr, above the error. */
export function sayFailure(output: Output, error: unknown): void {
  if (!AgentFlowError.is(error)) return;
  const { events, applied, conflicts, refused } = error.details;
  for (const one of [...textsOf(conflicts), ...textsOf(refused)]) output.say([dim("  ! "), one]);
  const said = textsOf(events);
  if (said.length > 0) output.say(dim("what the cluster says:"));
  for (const event of said) output.say([dim("│ "), event]);
  sayLastLines(output, error);
  const done = textsOf(applied);
  const last = done.at(-1);
  // Of a part that fails it is plain how far it came; of a connection that broke it is not.
  if (last === undefined || !error.reason.startsWith("cluster_")) return;
  output.say([dim("applied before: "), `${done.length} objects, the last ${last}`]);
}

/** Objects among them are conflicts. */
function textsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const all: readonly unknown[] = value;
  return all.map((one) => {
    if (typeof one === "string") return one;
    if (typeof one !== "object" || one === null) return String(one);
    const fields = Object.fromEntries(Object.entries(one));
    return `${String(fields["object"])} ${String(fields["field"])}  (${String(fields["manager"])})`;
  });
}

/** `--prune-data` cannot be undone. False when a person says no. */
export async function confirmedData(
  flags: { readonly "prune-data": boolean; readonly plan: boolean; readonly yes: boolean },
  of: { readonly mayAsk: boolean; readonly where: string },
): Promise<boolean> {
  if (!flags["prune-data"] || flags.plan || flags.yes) return true;
  if (!of.mayAsk) throw confirmationNeeded();
  const { confirm } = await import("@inquirer/prompts");
  const message = `Delete what holds data and is no longer wanted in ${of.where}?`;
  return confirm({ message, default: false }, { output: process.stderr });
}

/** Ctrl-C: the cluster goes on by itself with what it was given. `error` is how the deploy ended. */
export function interruptedDeploy(target: string, error: unknown): AgentFlowError {
  const applied = AgentFlowError.is(error) ? textsOf(error.details["applied"]) : [];
  const goOn = `go on: af deploy ${target}`;
  const of = { reason: "interrupted", details: { applied } };
  if (applied.length === 0) {
    return new AgentFlowError("refused", "stopped; nothing was applied", { ...of, suggestions: [goOn] });
  }
  return new AgentFlowError("refused", "stopped waiting; what was applied goes on in the cluster", {
    ...of,
    suggestions: [`how it is: af deploy status ${target}`, goOn],
  });
}

/**
 * One line on stderr: what changes something says whom it speaks to, and when it spoke to another cluster
 * before: names of contexts are used again, and the current one is soon another.
 */
export function sayWhere(output: Output, on: ClusterTarget): void {
  output.say([dim("cluster "), cyan(on.where)]);
  const { name } = on.project.target;
  const { server } = on.cluster.address;
  const before = savedPlace(on.project.dir, name);
  if (before?.server === undefined || before.server === server) return;
  const { context = "", namespace = "" } = before;
  output.say(yellow(`another one than before: ${name} went to ${context}/${namespace} at ${before.server}`));
}

function savedPlace(folder: string, name: string): ClusterPlace | undefined {
  try {
    return readProjectContext(folder, name)?.cluster;
  } catch {
    // A damaged one is written anew in the end.
    return undefined;
  }
}
