/** What journals of agents say that others than their followers need: models used up, calls refused. */
import type { CallRefused, ModelReplied } from "@agentflow/protocol";
import { isTokenUsage } from "../orchestrator/parse-usage.ts";
import type { ModelChange } from "./read-rows.ts";
import type { TurnRecord } from "./turn-record.ts";

export interface RefusedCall {
  /** What the model wrote. */
  readonly tool: string;
  readonly reason: "not_allowed" | "unknown_tool";
  readonly at: string;
}

export interface TurnFacts {
  readonly models: readonly ModelChange[];
  readonly refused: readonly RefusedCall[];
}

const none: TurnFacts = { models: [], refused: [] };

/** Most records of a journal hold neither, and are not even parsed. */
export function turnFacts(record: TurnRecord): TurnFacts {
  const { body } = record;
  if (!body.includes('"model_replied"') && !body.includes('"call_refused"')) return none;
  const models: ModelChange[] = [];
  const refused: RefusedCall[] = [];
  for (const event of record.read()?.events ?? []) {
    if (event.kind === "model_replied" && isReply(event)) models.push(modelOf(record, event));
    if (event.kind === "call_refused" && isForbidden(event)) {
      const { tool, reason, at } = event;
      refused.push({ tool, reason, at });
    }
  }
  return { models, refused };
}

/** A model asked for what it may not have. What it wrote badly, or a person denied, is no such thing. */
function isForbidden(event: CallRefused): event is CallRefused & RefusedCall {
  const isSaid = typeof event.tool === "string" && typeof event.at === "string";
  return isSaid && (event.reason === "not_allowed" || event.reason === "unknown_tool");
}

function isReply({ n, model, reply, usd }: ModelReplied): boolean {
  const isPriced = usd === undefined || typeof usd === "string";
  return Number.isSafeInteger(n) && typeof model === "string" && isPriced && isTokenUsage(reply?.usage);
}

function modelOf({ tenant, run, step, atMs }: TurnRecord, event: ModelReplied): ModelChange {
  const { n, model, reply, usd } = event;
  const usage = { ...reply.usage, modelCalls: 1, toolCalls: 0, usd: usd ?? "0" };
  return {
    tenant,
    run,
    step,
    n,
    model,
    atMs,
    usage: usd === undefined ? { ...usage, unpriced: true } : usage,
  };
}
