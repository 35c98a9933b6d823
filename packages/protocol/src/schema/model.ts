/** Schemas of what goes to a model and comes back, as journals keep it. */
import { z } from "zod";
import type { ModelReply, ReplyPart, UsageTotals } from "../model.ts";
import { finishReasons } from "../model.ts";
import { json, jsonObject, list, record } from "./parse-object.ts";

const tokens = z.int().min(0);
const meta = jsonObject.exactOptional().describe("What the provider wants to see again.");

const usageShape = {
  inputTokens: tokens.describe("Tokens in, those from a cache included."),
  outputTokens: tokens.describe("Tokens out, reasoning included."),
  cacheReadTokens: tokens.exactOptional(),
  cacheWriteTokens: tokens.exactOptional(),
  reasoningTokens: tokens.exactOptional(),
};

export const usd = z
  .string()
  .regex(/^[0-9]{1,12}([.][0-9]{1,12})?$/, { error: "is not an amount of US dollars" });

export const usageTotals: z.ZodType<UsageTotals> = record({
  ...usageShape,
  modelCalls: tokens.describe("Calls of models, those included whose answer was lost."),
  toolCalls: tokens,
  usd: usd.describe("Money in US dollars."),
  unpriced: z.literal(true).exactOptional().describe("Some calls had no price: `usd` leaves them out."),
}).meta({ id: "UsageTotals", description: "What models and tools have used up." });

const replyPart: z.ZodType<ReplyPart> = z.discriminatedUnion("kind", [
  record({ kind: z.literal("text"), text: z.string(), meta }),
  record({ kind: z.literal("reasoning"), text: z.string(), meta }),
  record({
    kind: z.literal("call"),
    id: z.string().describe("The provider's own name of the call."),
    tool: z.string().describe("The tool, as the model named it."),
    input: json.exactOptional().describe("Absent when the arguments are no JSON."),
    text: z.string().exactOptional().describe("The arguments, when they are no JSON."),
    meta,
  }),
]);

export const modelReply: z.ZodType<ModelReply> = record({
  parts: list(replyPart),
  finish: z.enum(finishReasons),
  usage: record(usageShape),
  model: z.string().exactOptional(),
  id: z.string().exactOptional(),
}).meta({ id: "ModelReply", description: "One reply of a model." });
