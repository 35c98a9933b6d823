/** Schemas of what workers say of themselves. */
import { z } from "zod";
import type { LoadProblem } from "../worker.ts";
import { id, instant, shortHash } from "./parse-id.ts";
import { jsonObject, list, record } from "./parse-object.ts";
import { attempt, effect, instance } from "./value.ts";
import { models } from "./project.ts";
import { sandboxPlan } from "./sandbox.ts";
import { workflow } from "./workflow.ts";

const agentSpec = record({
  model: z.string().describe("The name under `models`."),
  instructions: z.string(),
  prompt: z.string().exactOptional(),
  tools: list(
    record({
      tool: z.string(),
      approval: z.literal("always").exactOptional(),
      expiresMs: z.int().min(1).exactOptional(),
    }),
  ),
  agents: list(z.string()),
  handoffs: list(z.string()),
  limits: record({
    turns: z.int().min(1),
    tokens: z.int().min(1).exactOptional(),
    usd: z.number().min(0).exactOptional(),
    timeMs: z.int().min(1).exactOptional(),
  }),
  memory: record({
    session: z.string(),
    window: z.int().min(1),
    summary: z.boolean(),
  }).exactOptional(),
  temperature: z.number().exactOptional(),
  maxOutputTokens: z.int().min(1).exactOptional(),
}).meta({ id: "AgentSpec", description: "A model agent as it was loaded." });

const callable = record({
  name: z.string(),
  description: z.string(),
  effect,
  input: jsonObject.exactOptional().describe("JSON Schema of what it takes."),
  output: jsonObject.exactOptional().describe("JSON Schema of what it gives."),
  file: z.string().describe("Relative to the project."),
  timeoutMs: z.int().min(1).exactOptional(),
  secrets: list(z.string()).exactOptional().describe("Secrets that its calls are given."),
  approval: z.literal("always").exactOptional().describe("A person is asked before each call."),
  sandbox: sandboxPlan.exactOptional().describe("Of an untrusted tool: where its calls run."),
  agent: agentSpec.exactOptional().describe("Present when a model does the work."),
}).meta({ id: "Callable", description: "A tool or a function agent as it was declared." });

export const manifest = record({
  v: z.literal(1),
  kind: z.literal("manifest"),
  code: shortHash.describe("Hash of the project's code files."),
  tools: list(callable),
  agents: list(callable),
  workflows: list(workflow).describe("Workflows written in TypeScript."),
  models: models.exactOptional().describe("Models of agentflow.yaml, references still in them."),
}).meta({ id: "Manifest", description: "What the loaded code offers." });

const loadProblem: z.ZodType<LoadProblem> = record({
  message: z.string(),
  file: z.string().exactOptional(),
  line: z.int().exactOptional(),
  column: z.int().exactOptional(),
  frame: z.string().exactOptional().describe("The source line and a caret below the column."),
  hint: z.string().exactOptional(),
}).meta({ id: "LoadProblem", description: "Why user code does not load." });

const processUsage = { cpuMs: z.number().min(0), rssBytes: z.number().min(0) };

export const workerPresence = record({
  v: z.literal(1).describe("Version of this record."),
  kind: z.literal("worker"),
  worker: id("worker"),
  tenant: id("tenant"),
  pool: id("pool"),
  build: id("build"),
  slots: z.int().min(0).describe("Tasks it runs at the same time."),
  host: z.string(),
  pid: z.int(),
  since: instant,
  seenAt: instant,
  state: z.enum(["loading", "ready", "broken", "draining"]),
  manifest: manifest.exactOptional(),
  problem: loadProblem.exactOptional(),
  busy: list(record({ run: id("run"), step: instance, attempt, uses: z.string(), since: instant })).describe(
    "What it works on.",
  ),
  version: z.string().exactOptional().describe("The release it is of."),
  tasksEnded: z.int().min(0).exactOptional().describe("Tasks it has ended since it began."),
  usage: record({
    supervisor: record(processUsage),
    runners: list(record({ pid: z.int(), ...processUsage })),
  })
    .exactOptional()
    .describe("CPU time and memory of its processes, where the system tells."),
});
