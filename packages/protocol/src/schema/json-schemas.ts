/** The JSON Schemas that editors and other languages read, made from the schemas here. */
import { z } from "zod";
import type { JsonObject } from "../json.ts";
import { plainObject } from "./parse-object.ts";
import { commit } from "./commit.ts";
import { envelope, streamLine } from "./envelope.ts";
import { inputAnswer, inputRequest } from "./input.ts";
import { agent } from "./agent.ts";
import { journalRecord } from "./journal.ts";
import { plan } from "./plan.ts";
import { project } from "./project.ts";
import { modelScript } from "./script.ts";
import { task } from "./task.ts";
import { telemetryBatch } from "./telemetry.ts";
import { workerPresence } from "./worker.ts";
import { workflow } from "./workflow.ts";

interface Published {
  readonly schema: z.ZodType;
  readonly title: string;
  readonly description: string;
}

const published: { readonly [name: string]: Published } = {
  project: { schema: project, title: "AgentFlow project", description: "agentflow.yaml" },
  workflow: { schema: workflow, title: "AgentFlow workflow", description: "A workflow: workflows/*.yaml" },
  agent: { schema: agent, title: "AgentFlow agent", description: "A model agent: agents/*.yaml" },
  "model-script": {
    schema: modelScript,
    title: "AgentFlow model script",
    description: "What a scripted model says.",
  },
  plan: { schema: plan, title: "Plan", description: "The graph of steps that a run walks, as it is stored." },
  commit: { schema: commit, title: "Commit", description: "What one append adds to a run's log." },
  input: { schema: inputRequest, title: "Input", description: "What asks a run to move." },
  "input-answer": {
    schema: inputAnswer,
    title: "Answer to an input",
    description: "Given once it is durable.",
  },
  task: { schema: task, title: "Task", description: "An attempt's envelope on the queue." },
  journal: {
    schema: journalRecord,
    title: "Journal record",
    description: "One append to an agent step's journal.",
  },
  worker: { schema: workerPresence, title: "Worker", description: "What a worker says of itself." },
  telemetry: { schema: telemetryBatch, title: "Telemetry", description: "Logs and spans in a batch." },
  envelope: { schema: envelope, title: "Envelope", description: "What a command prints with --json." },
  "stream-line": {
    schema: streamLine,
    title: "Stream line",
    description: "One line of a stream with --json.",
  },
};

/** The files' names without `.json`. */
export const jsonSchemaNames: readonly string[] = Object.keys(published);

/** One published JSON Schema, draft 2020-12; undefined for a name that is not published. */
export function jsonSchemaOf(name: string): JsonObject | undefined {
  const one = Object.hasOwn(published, name) ? published[name] : undefined;
  if (one === undefined) return undefined;
  const { $schema, ...rest } = z.toJSONSchema(one.schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      // zod writes the bounds of safe integers where none was asked for: noise to whoever reads the schema.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  const { title, description } = one;
  const schema = {
    $schema,
    $id: `https://agentflow.dev/schemas/v1/${name}.json`,
    title,
    description,
    ...rest,
  };
  return plainObject(schema);
}

/** The text of the published file, as it is committed. */
export function jsonSchemaText(name: string): string {
  return `${JSON.stringify(jsonSchemaOf(name), null, 2)}\n`;
}
