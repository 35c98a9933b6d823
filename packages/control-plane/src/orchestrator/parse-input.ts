import {
  AgentFlowError,
  type InputAnswer,
  type InputRequest,
  isId,
  type RunInput,
} from "@agentflow/protocol";
import { isUsage } from "./parse-usage.ts";

const kinds: { readonly [K in RunInput["kind"]]: (input: Fields) => boolean } = {
  start: (input) =>
    isId("definition", input["plan"]) && isId("build", input["build"]) && isValue(input["input"]),
  result: (input) => isAttempt(input) && areFacts(input) && isOutcome(input["outcome"]),
  started: (input) => isAttempt(input) && isId("worker", input["worker"]),
  redelivered: (input) => isAttempt(input) && isId("worker", input["worker"]) && isCount(input["delivery"]),
  resent: ({ tasks }) => Array.isArray(tasks) && tasks.every((task) => isObject(task) && isAttempt(task)),
  timer: (input) => typeof input["timer"] === "string",
  cancel: (input) => typeof input["reason"] === "string",
  resolve: (input) =>
    isId("step instance", input["step"]) &&
    ["done", "failed", "retry"].includes(String(input["as"])) &&
    [input["call"], input["message"], input["by"]].every(isTextOrNone) &&
    (input["output"] === undefined || isValue(input["output"])),
  approval: (input) =>
    typeof input["approval"] === "string" &&
    typeof input["hash"] === "string" &&
    typeof input["approve"] === "boolean" &&
    [input["by"], input["comment"]].every(isTextOrNone),
  nudge: () => true,
  continue: () => true,
};

type Fields = Record<string, unknown>;

/**
 * What came over the wire as an input, checked where it enters; another kind is `invalid_input`, a higher
 * version `unavailable`.
 */
export function parseInputRequest(body: string): InputRequest {
  const request = parseObject(body);
  const input = request["input"];
  if (request["kind"] !== "input") throw invalid("another kind of request");
  if (isNewer(request["v"])) throw newer(request["v"]);
  if (request["v"] !== 1) throw invalid("no version that ever was");
  if (!isId("run", request["run"])) throw invalid("a run id that is none");
  if (!isObject(input) || !isId("input", input["id"])) throw invalid("an input without an id");
  const { kind, at } = input;
  if (typeof at !== "string" || Number.isNaN(Date.parse(at))) throw invalid("an input without an instant");
  if (typeof kind !== "string" || !isKind(kind))
    throw invalid("an input of a kind that this build does not know");
  if (!kinds[kind](input)) throw invalid(`a malformed ${kind} input`);
  return request as unknown as InputRequest;
}

const claimedMax = 100;

/**
 * A tenant that an input speaks of and that is not the subject's own: in its body, or in the key of a blob it
 * names. Undefined when there is none.
 */
export function foreignTenant({ input, ...claims }: InputRequest, own: string): string | undefined {
  const claimed = "tenant" in claims ? claims.tenant : undefined;
  if (claimed !== undefined && claimed !== own) return String(JSON.stringify(claimed)).slice(0, claimedMax);
  const outcome = "outcome" in input ? input.outcome : undefined;
  const output = outcome !== undefined && "output" in outcome ? outcome.output : undefined;
  const given = "input" in input ? input.input : undefined;
  return [output, given]
    .flatMap((value) => (value !== undefined && "blob" in value ? [value.blob.split("/")[0] ?? ""] : []))
    .find((tenant) => tenant !== own);
}

/** An owner's answer, written by another engine. */
export function parseInputAnswer(body: string): InputAnswer {
  const answer = parseObject(body);
  const known = answer["kind"] === "accepted" || answer["kind"] === "refused";
  if (answer["v"] === 1 && known) return answer as unknown as InputAnswer;
  throw new AgentFlowError("internal", "the owner's answer is of another version", {
    reason: "answer_unknown",
  });
}

function isNewer(version: unknown): boolean {
  return typeof version === "number" && version > 1;
}

/**
 * A worker of a newer release says something that this one must not guess at. It keeps what it has and asks
 * again, until an owner answers that understands it: nothing is lost by an upgrade that begins at its end.
 */
function newer(version: unknown): AgentFlowError {
  return new AgentFlowError("unavailable", `an input of version ${String(version)}; this build knows 1`, {
    reason: "newer_version",
    details: { found: version, known: 1 },
    suggestions: ["upgrade the control plane: it comes before its workers"],
  });
}

function parseObject(body: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new AgentFlowError("invalid_input", "the body is no JSON", { reason: "invalid_json", cause });
  }
  if (isObject(value)) return value;
  throw invalid("a body that is no object");
}

function isKind(kind: string): kind is RunInput["kind"] {
  return Object.hasOwn(kinds, kind);
}

function isAttempt(input: Fields): boolean {
  return isId("step instance", input["step"]) && isCount(input["attempt"]);
}

/** What a result says of its attempt beside how it ended. */
function areFacts({ worker, startedAt, ms, code, usage }: Fields): boolean {
  const isTimed = ms === undefined || (typeof ms === "number" && Number.isFinite(ms));
  return isTimed && [worker, startedAt, code].every(isTextOrNone) && (usage === undefined || isUsage(usage));
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}

function isValue(value: unknown): boolean {
  return isObject(value) && ("inline" in value || (typeof value["blob"] === "string" && "bytes" in value));
}

function isOutcome(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (value["kind"] === "succeeded") return isValue(value["output"]);
  if (value["kind"] === "lost") return typeof value["reason"] === "string";
  if (value["kind"] === "suspended") return Array.isArray(value["asks"]) && value["asks"].every(isAsk);
  const failure = value["failure"];
  return value["kind"] === "failed" && isObject(failure) && typeof failure["code"] === "string";
}

/** As long as a duration may be that somebody writes: no date lies beyond what can be said. */
const expiresMaxMs = 366 * 86_400_000;

/** Its hash is kept as it is given: what is compared with it later is what was shown under it. */
function isAsk(value: unknown): boolean {
  if (!isObject(value) || typeof value["call"] !== "string" || typeof value["tool"] !== "string")
    return false;
  if (value["kind"] === "unknown") return typeof value["reason"] === "string" && "input" in value;
  const shown = value["shown"];
  const isShown = isObject(shown) && typeof shown["uses"] === "string" && "input" in shown;
  return (
    value["kind"] === "approval" &&
    isShown &&
    typeof value["hash"] === "string" &&
    isCount(value["expiresMs"]) &&
    Number(value["expiresMs"]) <= expiresMaxMs
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(what: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `an input request with ${what}`, {
    reason: "invalid_input_request",
  });
}
