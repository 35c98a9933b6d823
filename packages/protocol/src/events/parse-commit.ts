/**
 * The door from a stored record to a commit. Cheap and without a schema library: it stands on the way of
 * every recovery and of every tail. Old versions are upcast here, once there are any.
 */
import type { Commit, RunCommand } from "./commit.ts";
import type { RunEvent } from "./run.ts";

/** A refused commit is of a newer build, or damaged: this build must not go on with the run, so it parks. */
export type ParsedCommit =
  | { readonly ok: true; readonly commit: Commit }
  | { readonly ok: false; readonly message: string };

/** Every kind of event that this build can fold. */
export const eventKinds: { readonly [K in RunEvent["kind"]]: true } = {
  run_started: true,
  task_dispatched: true,
  task_resent: true,
  attempt_started: true,
  attempt_failed: true,
  attempt_lost: true,
  step_expanded: true,
  step_waiting: true,
  step_succeeded: true,
  step_failed: true,
  step_caught: true,
  step_skipped: true,
  step_cancelled: true,
  step_unknown: true,
  step_suspended: true,
  approval_requested: true,
  approval_decided: true,
  call_settled: true,
  event_emitted: true,
  run_completed: true,
  run_failed: true,
  run_cancelled: true,
};

/** Every kind of command that this build can carry out. */
export const commandKinds: { readonly [K in RunCommand["kind"]]: true } = {
  dispatch_task: true,
  stop_task: true,
  start_timer: true,
  continue: true,
};

/** A stored record as a commit. Unknown keys are kept; an unknown kind or a higher version is refused. */
export function parseCommit(body: string): ParsedCommit {
  let stored: unknown;
  try {
    stored = JSON.parse(body);
  } catch {
    return refused("a commit that is no JSON");
  }
  if (!isObject(stored)) return refused("a commit that is no object");
  if (stored["v"] !== 1) return refused(`a commit of version ${show(stored["v"])}; this build knows 1`);
  if (stored["kind"] !== "commit") return refused(`a record of kind ${show(stored["kind"])}`);
  const { inputs, events, commands } = stored;
  if (!Array.isArray(inputs) || !Array.isArray(events) || !Array.isArray(commands)) {
    return refused("a commit without inputs, events and commands");
  }
  const event: unknown = events.find((one: unknown) => !hasKind(one, eventKinds));
  if (event !== undefined) return refused(`an event of kind ${kindOf(event)}`);
  const command: unknown = commands.find((one: unknown) => !hasKind(one, commandKinds));
  if (command !== undefined) return refused(`a command of kind ${kindOf(command)}`);
  return { ok: true, commit: stored as unknown as Commit };
}

function refused(what: string): ParsedCommit {
  return { ok: false, message: `the history holds ${what}` };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function hasKind(value: unknown, known: object): boolean {
  return isObject(value) && typeof value["kind"] === "string" && Object.hasOwn(known, value["kind"]);
}

function kindOf(value: unknown): string {
  return isObject(value) ? show(value["kind"]) : "none";
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "none").slice(0, 60);
}
