import type { Commit, RunCommand, RunEvent } from "@agentflow/protocol";

/** `incompatible`: of a newer build, or damaged; this build must not go on with the run. */
export type ParsedCommit =
  | { readonly ok: true; readonly commit: Commit }
  | { readonly ok: false; readonly message: string };

const eventKinds: { readonly [K in RunEvent["kind"]]: true } = {
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
  event_emitted: true,
  run_completed: true,
  run_failed: true,
  run_cancelled: true,
};

const commandKinds: { readonly [K in RunCommand["kind"]]: true } = {
  dispatch_task: true,
  stop_task: true,
  start_timer: true,
  continue: true,
};

/** A stored record as a commit. Unknown keys are kept; an unknown kind or a higher version is refused. */
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
  const event: unknown = events.find((one) => !hasKind(one, eventKinds));
  if (event !== undefined) return refused(`an event of kind ${kindOf(event)}`);
  const command: unknown = commands.find((one) => !hasKind(one, commandKinds));
  if (command !== undefined) return refused(`a command of kind ${kindOf(command)}`);
  return { ok: true, commit: record as unknown as Commit };
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
