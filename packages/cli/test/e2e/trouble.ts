/** What goes wrong with a model, and what whoever started the run sees of it; the same at every provider. */
import { exitCodes } from "@agentflow/protocol";
import { type Place, modelKey } from "./thinking-project.ts";

export interface Trouble {
  readonly workflow: string;
  /** What the model is asked; the rules of its script look for it. */
  readonly say: string;
  readonly exit: number;
  /** On stderr of `af run`, in text. */
  readonly sees: readonly (string | RegExp)[];
  /** Code of the run's failure. */
  readonly code?: string;
  /** How often the provider was asked. */
  readonly calls: number;
  readonly attempts?: number;
  /** Events of the journal, in order, that tell the story. */
  readonly journal: readonly object[];
}

export function troubles(place: Place): { readonly [what: string]: Trouble } {
  return { ...neverAgain(place), ...again(place), ...toolCalls(place), ...limits(place) };
}

const failed = (code: string, retried: boolean): object => ({
  kind: "model_failed",
  failure: { code },
  ...(retried ? { retryAt: true } : {}),
});
const finished = { kind: "agent_finished" };
const about = ({ provider }: Place, name = "default", model = "m-1"): string =>
  `model ${name} (${provider}, ${model}): `;
const says = (what: string, { provider }: Place): string => `[${what} ${provider}]`;

/** Time would change nothing: one call, one attempt. */
function neverAgain(place: Place): { readonly [what: string]: Trouble } {
  const host = new URL(place.baseUrl).host;
  const once = { exit: exitCodes.runFailed, calls: 1, attempts: 1 };
  return {
    "a wrong key": {
      ...once,
      workflow: "wrong",
      say: says("key", place),
      code: "model_auth",
      sees: [
        `model_auth: ${about(place, "wrong")}${host} answered ${place.provider === "google" ? 400 : 401}: `,
        "; check the key that apiKey names in agentflow.yaml (af secrets set)",
      ],
      journal: [failed("model_auth", false), { kind: "agent_failed", retryable: false }],
    },
    "a model that is not there": {
      ...once,
      workflow: "missing",
      say: says("name", place),
      code: "model_not_found",
      sees: [
        `model_not_found: ${about(place, "missing", "nope")}${host} answered 404: `,
        "; check model and baseUrl in agentflow.yaml",
      ],
      journal: [failed("model_not_found", false)],
    },
    "a conversation longer than the model's window": {
      ...once,
      workflow: "asks",
      say: `${says("long", place)} ${"word ".repeat(2_600)}`,
      code: "model_context_overflow",
      sees: [`model_context_overflow: ${about(place)}${host} answered 400: `, "; give the agent less"],
      journal: [failed("model_context_overflow", false)],
    },
    "content that the provider filters": {
      ...once,
      workflow: "asks",
      say: says("filtered", place),
      code: "model_refused",
      sees: ["model_refused: the model default did not answer: its provider filters such content"],
      journal: [{ kind: "model_replied" }, { kind: "agent_failed", failure: { code: "model_refused" } }],
    },
  };
}

/** Time may help: the call is made again, then the fallbacks, then the step. */
function again(place: Place): { readonly [what: string]: Trouble } {
  const host = new URL(place.baseUrl).host;
  const lost = (code: string) => ({
    exit: exitCodes.runFailed,
    code,
    calls: 6,
    attempts: 2,
    journal: [
      failed(code, true),
      failed(code, true),
      failed(code, false),
      { kind: "agent_failed", retryable: true },
      { kind: "attempt_took_over", attempt: 2 },
      failed(code, true),
      failed(code, true),
      failed(code, false),
    ],
  });
  return {
    "a rate limit that passes": {
      workflow: "asks",
      say: says("busy once", place),
      exit: exitCodes.ok,
      sees: [/✓ a /],
      calls: 2,
      attempts: 1,
      journal: [failed("model_rate_limited", true), { kind: "model_replied", n: 2 }, finished],
    },
    "a rate limit that stays, and a fallback": {
      workflow: "busy",
      say: says("fine", place),
      exit: exitCodes.ok,
      sees: [/✓ a /],
      calls: 4,
      attempts: 1,
      journal: [
        { ...failed("model_rate_limited", true), model: "busy" },
        { ...failed("model_rate_limited", true), model: "busy" },
        { ...failed("model_rate_limited", true), model: "busy" },
        { kind: "model_replied", model: "default" },
        finished,
      ],
    },
    "a server error three times": {
      workflow: "asks",
      say: says("down three times", place),
      exit: exitCodes.ok,
      sees: [`attempt 1 failed: ${about(place)}${host} answered 500: `, /✓ a .*attempt 2|✓ a /],
      calls: 4,
      attempts: 2,
      journal: [
        failed("model_unavailable", true),
        failed("model_unavailable", true),
        failed("model_unavailable", false),
        { kind: "attempt_took_over", attempt: 2 },
        { kind: "model_replied" },
        finished,
      ],
    },
    "a server error for ever": {
      ...lost("model_unavailable"),
      workflow: "asks",
      say: says("down", place),
      sees: [
        `model_unavailable: ${about(place)}${host} answered 500: `,
        "; if it lasts, check baseUrl or name fallbacks in agentflow.yaml",
      ],
    },
    "no answer in time": {
      ...lost("model_timeout"),
      workflow: "hasty",
      say: says("hang", place),
      sees: [`model_timeout: ${about(place, "hasty")}no whole answer within 400 ms; raise its timeout`],
    },
    "a stream that is cut": {
      ...lost("model_unavailable"),
      workflow: "asks",
      say: says("cut", place),
      sees: [`model_unavailable: ${about(place)}the stream ended before the reply did`],
    },
    "an answer that is no JSON": {
      ...lost("model_malformed"),
      workflow: "asks",
      say: says("malformed", place),
      sees: [`model_malformed: ${about(place)}what came cannot be read: `],
    },
  };
}

/** What the model does wrong it is told, and goes on. */
function toolCalls(place: Place): { readonly [what: string]: Trouble } {
  const goesOn = { workflow: "asks", exit: exitCodes.ok, sees: [/✓ a /], attempts: 1 };
  const told = (reason: string, message: unknown): object => ({ kind: "call_refused", reason, message });
  const absent = `"mail__send" is not among the tools of this agent: rules__search`;
  return {
    // Google's own server checks arguments: it breaks the reply off, and the runner never sees them.
    ...(place.provider === "google"
      ? {}
      : {
          "arguments that are no JSON": {
            ...goesOn,
            say: says("no json", place),
            calls: 2,
            journal: [told("bad_input", "the arguments are no JSON"), { kind: "model_replied" }, finished],
          },
        }),
    "arguments that do not fit": {
      ...goesOn,
      say: says("bad arguments", place),
      calls: 2,
      journal: [told("bad_input", /words/), { kind: "model_replied" }, finished],
    },
    "a tool that is not the agent's": {
      ...goesOn,
      say: says("forbidden", place),
      calls: 2,
      journal: [told("not_allowed", absent), { kind: "model_replied" }, finished],
    },
    "nothing but such tools": {
      workflow: "asks",
      say: says("obsessed", place),
      exit: exitCodes.runFailed,
      code: "agent_stuck",
      sees: [`agent_stuck: `, `3 times in a row; at last mail__send: ${absent}`],
      calls: 3,
      attempts: 1,
      journal: [told("not_allowed", absent), told("not_allowed", absent), told("not_allowed", absent)],
    },
  };
}

function limits(place: Place): { readonly [what: string]: Trouble } {
  return {
    "a budget that is used up": {
      workflow: "poor",
      say: says("spend", place),
      exit: exitCodes.budgetExhausted,
      code: "budget_exhausted",
      sees: [
        "budget_exhausted: the next model call would go beyond the limit of 6000 tokens, 5900 of it used",
      ],
      calls: 1,
      attempts: 1,
      journal: [{ kind: "call_returned" }, { kind: "agent_failed", retryable: false }],
    },
    "an output that never fits": {
      workflow: "shaped",
      say: says("shape", place),
      exit: exitCodes.runFailed,
      code: "output_invalid",
      sees: ["output_invalid: 3 replies in a row were not the output that the agent declares: it is no JSON"],
      calls: 3,
      attempts: 1,
      journal: [{ kind: "reply_rejected" }, { kind: "reply_rejected" }, { kind: "reply_rejected" }],
    },
  };
}

/** Enough of the key to tell it from another, as the mock shows it. */
export const shownKey = `***${modelKey.slice(-4)}`;
