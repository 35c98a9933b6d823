import type { Commit, RunCommand } from "@agentflow/protocol";
import { faultOf, isObject, show } from "./parse-event.ts";

/** `incompatible`: of a newer build, or damaged; this build must not go on with the run. */
export type ParsedCommit =
  | { readonly ok: true; readonly commit: Commit }
  | { readonly ok: false; readonly message: string };

const commandKinds: { readonly [K in RunCommand["kind"]]: true } = {
  dispatch_task: true,
  stop_task: true,
  start_timer: true,
  continue: true,
};

/**
 * A stored record as a commit. Unknown keys are kept; an unknown kind, a higher version, or an event without
 * what its kind has is refused: whoever reads many runs passes over it, and the run is parked.
 */
export function parseCommit(body: string): ParsedCommit {
  let record: unknown;
  try {
    record = JSON.parse(body);
  } catch {
    return refused("a commit that is no JSON");
  }
  if (!isObject(record)) return refused("a commit that is no object");
  if (record["v"] !== 1) return refused(`a commit of version ${show(record["v"])}; this build knows 1`);
  if (record["kind"] !== "commit") return refused(`a record of kind ${show(record["kind"])}`);
  const { inputs, events, commands } = record;
  if (!Array.isArray(inputs) || !Array.isArray(events) || !Array.isArray(commands)) {
    return refused("a commit without inputs, events and commands");
  }
  for (const event of events) {
    const fault = faultOf(event);
    if (fault !== undefined) return refused(fault);
  }
  const command: unknown = commands.find((one) => !hasKind(one, commandKinds));
  if (command !== undefined) return refused(`a command of kind ${kindOf(command)}`);
  return { ok: true, commit: record as unknown as Commit };
}

function refused(what: string): ParsedCommit {
  return { ok: false, message: `the history holds ${what}` };
}

function hasKind(value: unknown, known: object): boolean {
  return isObject(value) && typeof value["kind"] === "string" && Object.hasOwn(known, value["kind"]);
}

function kindOf(value: unknown): string {
  return isObject(value) ? show(value["kind"]) : "none";
}
