/** The door from a stored record to a journal's. Cheap, without a schema library: each takeover passes. */
import type { JournalRecord, TurnEvent } from "@agentflow/protocol";

/** A refused record is of a newer build, or damaged: this build must not go on with the step, so it parks. */
export type ParsedJournal =
  | { readonly ok: true; readonly record: JournalRecord }
  | { readonly ok: false; readonly message: string };

type Fields = { readonly [name: string]: unknown };

/** Every kind of event that this build can fold, and what it cannot do without in it. */
const needed: {
  readonly [K in TurnEvent["kind"]]: { readonly [field: string]: (value: unknown) => boolean };
} = {
  attempt_took_over: { attempt: isCount, worker: isText },
  agent_started: { agent: isText, model: isText, messages: isValue },
  model_called: { n: isCount, turn: isCount, model: isText, reserved: isReserved },
  model_replied: { n: isCount, turn: isCount, model: isText, reply: isReply, usd: isUsdOrNone },
  model_failed: { n: isCount, turn: isCount, model: isText, failure: isFailure },
  model_lost: { n: isCount, turn: isCount },
  reply_rejected: { turn: isCount, problem: isText },
  call_refused: { call: isText, tool: isText, reason: isText, message: isText },
  call_asked: { call: isText, tool: isText, shown: isShown, hash: isText, expiresMs: isCount },
  call_answered: { call: isText, approved: isBoolean, how: isText },
  call_started: { call: isText, uses: isText, effect: isText, input: isValue, key: isText },
  call_returned: { call: isText, output: isValue },
  call_failed: { call: isText, failure: isFailure },
  call_lost: { call: isText, reason: isText },
  call_suspended: { call: isText, asks: isAsks },
  call_unknown: { call: isText, reason: isText },
  call_resolved: { call: isText, as: isText },
  handed_off: { call: isText, to: isText, model: isText, instructions: isText },
  agent_finished: { output: isValue },
  agent_failed: { failure: isFailure, retryable: isBoolean },
};

/** A stored record. Unknown keys are kept; an unknown kind or a higher version is refused. */
export function parseJournal(body: string): ParsedJournal {
  let stored: unknown;
  try {
    stored = JSON.parse(body);
  } catch {
    return refused("a record that is no JSON");
  }
  if (!isObject(stored)) return refused("a record that is no object");
  if (stored["v"] !== 1) return refused(`a record of version ${show(stored["v"])}; this build knows 1`);
  if (stored["kind"] !== "journal") return refused(`a record of kind ${show(stored["kind"])}`);
  const { attempt, events } = stored;
  if (!isCount(attempt) || !Array.isArray(events)) return refused("a record without attempt and events");
  for (const event of events) {
    const fault = faultOf(event);
    if (fault !== undefined) return refused(fault);
  }
  return { ok: true, record: stored as unknown as JournalRecord };
}

function refused(what: string): ParsedJournal {
  return { ok: false, message: `the journal holds ${what}` };
}

function faultOf(event: unknown): string | undefined {
  if (!isObject(event)) return "an event that is no object";
  const { kind, at } = event;
  if (typeof kind !== "string" || !isKind(kind)) return `an event of kind ${show(kind)}`;
  if (!isTime(at)) return `a damaged ${kind}: it has no time`;
  // Never the value: it may be anybody's data, and this is said in logs.
  const fault = Object.entries(needed[kind]).find(([field, is]) => !is(event[field]));
  return fault === undefined ? undefined : `a damaged ${kind}: its ${fault[0]} is not what it should be`;
}

function isKind(kind: string): kind is TurnEvent["kind"] {
  return Object.hasOwn(needed, kind);
}

function isReply(value: unknown): boolean {
  if (!isObject(value) || !Array.isArray(value["parts"])) return false;
  const { usage } = value;
  const isWhole = value["parts"].every(isPart);
  return isWhole && isObject(usage) && isTokens(usage["inputTokens"]) && isTokens(usage["outputTokens"]);
}

/** Sums are reckoned with these: what is no amount would be found only there. */
function isReserved(value: unknown): boolean {
  return isObject(value) && isTokens(value["tokens"]) && isUsdOrNone(value["usd"]);
}

function isUsdOrNone(value: unknown): boolean {
  return value === undefined || (typeof value === "string" && /^[0-9]{1,15}(\.[0-9]{1,12})?$/.test(value));
}

function isTokens(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isShown(value: unknown): boolean {
  return isObject(value) && isText(value["uses"]) && value["input"] !== undefined;
}

function isAsks(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  return value.every((ask) => isObject(ask) && isText(ask["kind"]) && isText(ask["call"]));
}

function isPart(part: unknown): boolean {
  if (!isObject(part)) return false;
  return part["kind"] === "call" ? isText(part["id"]) && isText(part["tool"]) : isText(part["text"]);
}

function isFailure(value: unknown): boolean {
  return isObject(value) && isText(value["code"]) && isText(value["message"]);
}

function isValue(value: unknown): boolean {
  return (
    isObject(value) && (value["inline"] !== undefined || (isText(value["blob"]) && isNumber(value["bytes"])))
  );
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && Number.isFinite(Date.parse(value));
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "none").slice(0, 60);
}
