/** Schemas of an agent step's journal. The descriptions are what the reference prints. */
import { z } from "zod";
import type { Answer, Ask, TurnEvent } from "../journal.ts";
import { modelReply, usd } from "./model.ts";
import { instant, sha256 } from "./parse-id.ts";
import { sandboxApplied } from "./sandbox.ts";
import { json, list, record } from "./parse-object.ts";
import { attempt, effect, failure, shown, value } from "./value.ts";

/** Version and kind of any record on the subject. */
export const journalEntry = z.looseObject({
  v: z.literal(1).describe("Version of this record."),
  kind: z.string().min(1).describe("What the entry records."),
});

function event<Kind extends TurnEvent["kind"], Shape extends z.ZodRawShape>(
  kind: Kind,
  description: string,
  shape: Shape,
) {
  return record({ kind: z.literal(kind), at: instant.describe("When."), ...shape }).meta({
    id: kind,
    description,
  });
}

const n = z.int().min(1).describe("Number of the model call within the step, from 1.");
const turn = z.int().min(1).describe("The turn, from 1: replies that were used.");
const model = z.string().describe("The name under `models`.");
const call = z.string().describe("Our own name of the call: `<turn>-<index>`.");
const ms = z.number().min(0).describe("How long it took, in milliseconds.");
const by = z.string().exactOptional().describe("Who said so.");
const how = z.enum(["person", "expired"]).describe("`expired`: nobody answered in time.");
const settled = z.enum(["done", "failed", "retry"]).describe("What is to be taken for its outcome.");
const approved = z.boolean().describe("Whether the call may be made.");
const hash = sha256.describe("SHA-256 of the canonical JSON of `shown`.");
const expiresMs = z.int().min(1).describe("How long an answer is waited for, in milliseconds.");
const sandbox = sandboxApplied.exactOptional().describe("Of an untrusted tool: what the call ran in.");
const resolved = {
  as: settled,
  output: value.exactOptional().describe("The call's output, when it was done."),
  message: z.string().exactOptional().describe("What the model is told, when it failed."),
};
const comment = z.string().exactOptional().describe("What they said beside.");
const asked = z.string().describe("The tool, `<file>.<export>`.");
const why = z.string().describe("What became of whoever made it.");

const askBase = { call: z.string().describe("`<step instance>/<call>`."), tool: asked };

export const ask: z.ZodType<Ask> = z
  .discriminatedUnion("kind", [
    record({ kind: z.literal("approval"), ...askBase, shown, hash, expiresMs }),
    record({ kind: z.literal("unknown"), ...askBase, reason: why, input: json }),
  ])
  .meta({ id: "Ask", description: "What an agent's step needs to hear from a person." });

export const turnEventSchemas = [
  event("attempt_took_over", "An attempt of the step begins to write. Whoever wrote before it stops.", {
    attempt,
    worker: z.string().describe("The worker that drives the loop from here."),
  }),
  event("agent_started", "What the loop began with; later attempts go on from this.", {
    agent: z.string().describe("The agent."),
    model,
    messages: value.describe("Instructions, memory and the first message."),
    session: z.string().exactOptional().describe("The session whose memory is used."),
  }),
  event("model_called", "A model is about to be called.", {
    n,
    turn,
    model,
    reserved: record({ tokens: z.int().min(0), usd: usd.exactOptional() }).describe(
      "What is set aside until the usage is known.",
    ),
  }),
  event("model_replied", "The model replied.", {
    n,
    turn,
    model,
    reply: modelReply.describe("What it said, and what that took."),
    usd: usd.exactOptional().describe("Absent when the model has no price."),
    ms,
    firstMs: z.number().min(0).exactOptional().describe("Until the first token, in milliseconds."),
  }),
  event("model_failed", "A model call failed.", {
    n,
    turn,
    model,
    failure: failure.describe("Why."),
    retryAt: instant.exactOptional().describe("When the next try is due; absent when there is none."),
    begun: z.literal(true).exactOptional().describe("A reply had begun: what was reserved counts as spent."),
    ms,
  }),
  event(
    "model_lost",
    "Whoever waited for the reply is gone: what was reserved is spent, unless the call was not due yet.",
    {
      n,
      turn,
    },
  ),
  event("reply_rejected", "The reply is no output by the agent's schema; the model is asked again.", {
    turn,
    problem: z.string().describe("What the model is told."),
  }),
  event("call_refused", "The model asked for what it may not have, or not in a way that can be read.", {
    call,
    tool: z.string().describe("What the model wrote."),
    reason: z
      .enum(["not_allowed", "unknown_tool", "bad_input", "too_many", "denied", "expired"])
      .describe("Why."),
    message: z.string().describe("What the model is told."),
  }),
  event("call_asked", "A person is asked before the call is made.", {
    call,
    tool: asked,
    shown,
    hash,
    expiresMs,
  }),
  event("call_answered", "A person said whether the call may be made.", {
    call,
    approved,
    how,
    by,
    comment,
  }),
  event("call_started", "A tool or agent is about to be called.", {
    call,
    uses: z.string().describe("`tool:<file>.<export>` or `agent:<name>`."),
    effect: effect.describe("What it does to the world: whether it may be made again after a loss."),
    input: value.describe("What it is given."),
    key: z.string().describe("The idempotency key: the same in every attempt."),
  }),
  event("call_returned", "The call gave its output.", {
    call,
    output: value.describe("What it gave; the model is told at most 32 KiB of it."),
    ms,
    sandbox,
  }),
  event("call_failed", "The call failed; the model is told.", {
    call,
    failure: failure.describe("Why."),
    ms,
    sandbox,
  }),
  event("call_lost", "Whoever made the call is gone; it is made again under the same key.", {
    call,
    reason: why,
    sandbox,
  }),
  event("call_suspended", "The sub-agent that was called waits for people.", {
    call,
    asks: list(ask).describe("What they have to say."),
  }),
  event("call_unknown", "An irreversible call was lost after it had started: a person must say.", {
    call,
    reason: why,
    sandbox,
  }),
  event("call_resolved", "A person said what became of the call.", { call, ...resolved, by }),
  event("handed_off", "Another agent goes on with the conversation.", {
    call,
    to: z.string().describe("The agent that goes on."),
    model,
    instructions: z.string().describe("Its instructions: in the place of the first system message."),
  }),
  event("agent_finished", "The loop ended with the step's output.", {
    output: value.describe("The step's output."),
  }),
  event("agent_failed", "The loop ended in a failure.", {
    failure: failure.describe("Why."),
    retryable: z.boolean().describe("Whether another attempt goes on from here."),
  }),
] as const;

export const turnEvent = z.discriminatedUnion("kind", turnEventSchemas);

export const journalRecord = record({
  v: z.literal(1).describe("Version of this record."),
  kind: z.literal("journal"),
  attempt,
  events: list(turnEvent).describe("What became true, in order."),
});

const answerBase = {
  call: z.string().describe("`<step instance>/<call>`."),
  at: instant,
  by,
};

export const answer: z.ZodType<Answer> = z
  .discriminatedUnion("kind", [
    record({
      kind: z.literal("approval"),
      ...answerBase,
      approved,
      how,
      hash,
      comment,
    }),
    record({
      kind: z.literal("resolution"),
      ...answerBase,
      ...resolved,
    }),
  ])
  .meta({ id: "Answer", description: "What a person said about a call of an agent's step." });

export const budget = record({
  tokens: z.int().min(0).exactOptional(),
  usd: usd.exactOptional(),
}).meta({ id: "TaskBudget", description: "What the step may use up." });
