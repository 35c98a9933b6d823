/** Schema of a model agent as authored. Editors show the descriptions, so they are written for who types. */
import { z } from "zod";
import { apiVersion } from "../workflow.ts";
import { duration, idText } from "./parse-id.ts";
import { authored, jsonObject, list } from "./parse-object.ts";

const limits = authored({
  turns: z.int().min(1).max(1_000).exactOptional().meta({
    description: "Replies of the model, at most.",
    default: 20,
  }),
  tokens: z
    .int()
    .min(1)
    .exactOptional()
    .meta({ description: "Tokens in and out.", examples: [50_000] }),
  usd: z
    .number()
    .min(0)
    .exactOptional()
    .meta({ description: "Money in US dollars.", examples: [0.5] }),
  time: duration.exactOptional().meta({ description: "Time from the first call on.", examples: ["5m"] }),
});

const memory = authored({
  session: z
    .string()
    .min(1)
    .max(1_000)
    .meta({
      description: "Who gives the same text goes on in the same session; may hold ${ } over `input`.",
      examples: ["${input.customer}"],
    }),
  window: z.int().min(1).max(1_000).exactOptional().meta({
    description: "Messages that are kept word for word.",
    default: 20,
  }),
  summary: z.boolean().exactOptional().meta({
    description: "Sum up what leaves the window instead of forgetting it.",
    default: false,
  }),
});

const tool = z.union([
  idText("tool"),
  authored({
    use: idText("tool").meta({ description: "The tool, `<file>.<export>`." }),
    approval: z.literal("always").exactOptional().meta({
      description: "Ask a person before each call.",
    }),
    expires: duration.exactOptional().meta({
      description: "How long an approval is waited for; then it counts as denied.",
      default: "24h",
    }),
  }),
]);

export const agent = authored({
  apiVersion: z.literal(apiVersion).meta({ description: "Version of this file's format." }),
  kind: z.literal("Agent").meta({ description: "What this file is." }),
  name: idText("agent").meta({
    description: "The agent's name, as steps say it: the file's name without its ending.",
    examples: ["classifier"],
  }),
  description: z
    .string()
    .min(1)
    .max(1_000)
    .meta({ description: "What the agent is for; other agents read it." }),
  model: idText("agent").exactOptional().meta({
    description: "A name under `models` in agentflow.yaml.",
    default: "default",
  }),
  instructions: z
    .union([
      z.string().min(1).max(100_000),
      authored({ file: z.string().min(1).max(500).meta({ description: "A file below the project." }) }),
    ])
    .meta({
      description: "What the model is told: text, or a file. Both may hold ${ } over `input` and `run`.",
      examples: ["Sort the ticket.", { file: "prompts/classifier.md" }],
    }),
  prompt: z
    .string()
    .min(1)
    .max(100_000)
    .exactOptional()
    .meta({
      description: "The first message; may hold ${ }. Left out, it is the input itself.",
      examples: ["${input.text}"],
    }),
  input: jsonObject.exactOptional().meta({ description: "JSON Schema of what the agent is given." }),
  output: jsonObject.exactOptional().meta({
    description: "JSON Schema of what it gives: the model is held to it. Without one the output is {text}.",
  }),
  tools: list(tool, 128)
    .exactOptional()
    .meta({
      description: "The tools that the model may call; no others.",
      examples: [["orders.find", { use: "mail.send", approval: "always" }]],
    }),
  agents: list(idText("agent"), 32).exactOptional().meta({
    description: "Agents that this one may call like tools.",
  }),
  handoffs: list(idText("agent"), 32).exactOptional().meta({
    description: "Agents that may take the conversation over.",
  }),
  limits: limits.exactOptional().meta({ description: "Where the loop stops." }),
  memory: memory.exactOptional().meta({ description: "What the agent remembers between runs." }),
  temperature: z.number().min(0).max(2).exactOptional().meta({ description: "Passed on to the model." }),
  maxOutputTokens: z.int().min(1).exactOptional().meta({ description: "Longest reply, in tokens." }),
});
