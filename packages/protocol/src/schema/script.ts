/** Schema of a model script as authored. Editors show the descriptions. */
import { z } from "zod";
import { finishReasons } from "../model.ts";
import { scriptFailures, scriptHostile } from "../script.ts";
import { apiVersion } from "../workflow.ts";
import { authored, json, list } from "./parse-object.ts";

const tokens = z.int().min(0).max(100_000_000);
const template = z.string().max(100_000);
const word = z.string().min(1).max(1_000);
const texts = z.union([word, list(word, 32)]);
const delay = z.int().min(0).max(600_000);

const pace = authored({
  delayMs: delay.exactOptional().meta({ description: "Milliseconds before the first piece.", default: 0 }),
  tokensPerSecond: z.number().positive().max(1_000_000).exactOptional().meta({
    description: "How fast text comes; a token is four characters. Left out, it comes at once.",
  }),
  chunks: z.int().min(1).max(100_000).exactOptional().meta({
    description: "In how many pieces a text comes. Left out, a piece is a word.",
  }),
});

const when = authored({
  contains: texts.exactOptional().meta({
    description: "Text within the last message of the user, in upper or lower case; of a list, each.",
    examples: ["refund"],
  }),
  matches: z
    .string()
    .min(1)
    .max(1_000)
    .exactOptional()
    .meta({
      description: "Regular expression over that message; templates see its groups as `match`.",
      examples: ["order (\\d+)"],
    }),
  instructions: texts.exactOptional().meta({ description: "Text within the system messages." }),
  model: word.exactOptional().meta({
    description: "The model that is asked for; `*` stands for any text.",
    examples: ["gpt-*"],
  }),
  tools: list(word, 128)
    .exactOptional()
    .meta({ description: "Tools that are offered, each of them.", examples: [["orders__find"]] }),
  result: z.union([word, z.boolean()]).exactOptional().meta({
    description: "The last message is a result of this tool; true: of any tool; false: of none.",
  }),
  resultContains: texts.exactOptional().meta({
    description: "Text within the results of the last message, written as JSON.",
  }),
  turn: z.int().min(1).max(10_000).exactOptional().meta({
    description: "Number of this reply in the conversation, 1 for the first.",
  }),
  structured: z.boolean().exactOptional().meta({ description: "Whether JSON is asked for." }),
  if: z
    .string()
    .min(1)
    .max(2_000)
    .exactOptional()
    .meta({
      description: "Bare CEL over what templates see.",
      examples: ["size(messages) > 3"],
    }),
});

const call = authored({
  tool: word.meta({ description: "The tool as models see it.", examples: ["orders__find"] }),
  input: json.exactOptional().meta({ description: "Its arguments; strings may hold ${ }." }),
  raw: template.exactOptional().meta({
    description: "Instead of `input`: arguments letter by letter, such as broken JSON.",
  }),
});

const usage = authored({
  inputTokens: tokens.exactOptional().meta({ description: "Tokens of the request." }),
  outputTokens: tokens.exactOptional().meta({ description: "Tokens of the reply." }),
  cacheReadTokens: tokens.exactOptional().meta({ description: "Of the request, read from a cache." }),
  reasoningTokens: tokens.exactOptional().meta({ description: "Of the reply, spent on reasoning." }),
});

const fail = authored({
  kind: z.enum(scriptFailures).exactOptional().meta({
    description: "What goes wrong, in the provider's own status and body.",
  }),
  status: z
    .int()
    .min(400)
    .max(599)
    .exactOptional()
    .meta({
      description: "HTTP status, instead of the usual one of the kind.",
      examples: [429],
    }),
  retryAfterMs: delay.exactOptional().meta({ description: "How long to wait, told in `retry-after`." }),
  message: z.string().max(10_000).exactOptional().meta({ description: "The provider's words." }),
});

const reply = {
  text: template.exactOptional().meta({
    description: "The reply's text; may hold ${ } over `message`, `match`, `results` and more.",
    examples: ["You said: ${message}"],
  }),
  reasoning: template.exactOptional().meta({ description: "What the model reasons aloud before." }),
  json: json.exactOptional().meta({ description: "A value; the reply's text is its JSON." }),
  calls: list(call, 128).exactOptional().meta({ description: "Tools that the reply calls." }),
  finish: z.enum(finishReasons).exactOptional().meta({
    description: "Why the reply ends; `stop` or `tool_calls` when left out.",
  }),
  usage: usage.exactOptional().meta({ description: "Tokens used up; counted when left out." }),
  pace: pace.exactOptional().meta({ description: "How the reply comes." }),
  fail: fail.exactOptional().meta({ description: "A failure instead of a reply." }),
  hang: z.literal(true).exactOptional().meta({ description: "Nothing comes, ever." }),
  cut: z.int().min(0).max(10_000_000).exactOptional().meta({
    description: "The connection breaks after so many characters.",
  }),
  malformed: z.literal(true).exactOptional().meta({
    description: "What comes after the first piece is no JSON.",
  }),
  hostile: z.enum(scriptHostile).exactOptional().meta({
    description: "A reply that wants to do harm.",
  }),
};

const rule = authored({
  name: word.exactOptional().meta({ description: "Named in the list of calls." }),
  when: when.exactOptional().meta({ description: "All of it must hold; without it the rule always fits." }),
  times: z.int().min(1).max(1_000_000).exactOptional().meta({
    description: "How often the rule answers; then it is passed over.",
  }),
  ...reply,
});

export const modelScript = authored({
  apiVersion: z.literal(apiVersion).meta({ description: "Version of this file's format." }),
  kind: z.literal("ModelScript").meta({ description: "What this file is." }),
  name: word.exactOptional().meta({ description: "The script's name." }),
  description: z.string().max(1_000).exactOptional().meta({ description: "What it is for." }),
  models: list(word, 100)
    .exactOptional()
    .meta({
      description: "Models that `af mock-llm` knows, `*` standing for any text; others are refused.",
      examples: [["gpt-*", "claude-*"]],
    }),
  keys: list(word, 100).exactOptional().meta({
    description: "Keys that `af mock-llm` takes; without the list it takes any and none.",
  }),
  contextTokens: tokens.min(1).exactOptional().meta({
    description: "Tokens that a request may hold; a longer one is refused as providers refuse it.",
  }),
  pace: pace.exactOptional().meta({ description: "How replies come where a rule does not say it." }),
  rules: list(rule, 10_000).exactOptional().meta({
    description: "Tried in order; the first that fits and is not used up answers.",
  }),
  default: z
    .union([z.literal("auto"), authored(reply)])
    .exactOptional()
    .meta({
      description:
        "When no rule fits. `auto`: a fixed sentence, or the smallest value that the schema allows.",
    }),
});
