/** What the commands of a deploy have in common. */
import { AgentFlowError, exitCodes } from "@agentflow/protocol";
import { hostname, userInfo } from "node:os";
import { contextFlag } from "../context-flag.ts";
import { Args, Flags } from "../flags.ts";
import type { Output } from "../output/output.ts";
import { cyan, dim } from "../output/text.ts";
import { sayLastLines } from "../targets/failure.ts";
import { confirmationNeeded } from "../targets/runs-in-flight.ts";
import { reportError } from "../output/error.ts";

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

/** Who deploys, as others read it in the lease and in the list of revisions. */
export function whoDeploys(): { readonly by: string; readonly holder: string } {
  let user = process.env["USER"] ?? process.env["LOGNAME"];
  try {
    user ??= userInfo().username;
  } catch {
    // A container's user need not have a name.
  }
  const by = `${user ?? "somebody"}@${hostname()}`;
  return { by, holder: `${by} (process ${process.pid})` };
}

/** Events and last lines of what failed, and what had been applied before: on stderr, above the error. */
export function sayFailure(output: Output, error: unknown): void {
  if (!AgentFlowError.is(error)) return;
  const { events, applied, conflicts } = error.details;
  for (const one of textsOf(conflicts)) output.say([dim("  ! "), one]);
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

/** Ctrl-C: the cluster goes on by itself with what it was given. */
export function interruptedDeploy(target: string): AgentFlowError {
  return new AgentFlowError("refused", "stopped waiting; what was applied goes on in the cluster", {
    reason: "interrupted",
    suggestions: [`how it is: af deploy status ${target}`, `go on: af deploy ${target}`],
  });
}

/** A history that a build cannot read has an exit code of its own. True when this was one. */
export function saidIncompatible(output: Output, error: unknown): boolean {
  if (!AgentFlowError.is(error) || error.reason !== "history_incompatible") return false;
  reportError(output, error);
  process.exitCode = exitCodes.historyIncompatible;
  return true;
}

/** One dim line on stderr: what changes something says whom it speaks to. */
export function sayWhere(output: Output, where: string): void {
  output.say([dim("cluster "), cyan(where)]);
}
