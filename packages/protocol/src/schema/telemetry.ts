/** Schemas of logs and spans as they travel. */
import { z } from "zod";
import { logLevels, logSources } from "../telemetry.ts";
import { instant } from "./parse-id.ts";
import { json, list, record } from "./parse-object.ts";

const about = {
  writer: z.string().exactOptional().describe("The process that numbered it, from its start on."),
  seq: z.int().min(1).exactOptional().describe("Its number among all records of that writer."),
  run: z.string().exactOptional(),
  step: z.string().exactOptional(),
  attempt: z.int().exactOptional(),
};

export const logRecord = record({
  kind: z.literal("log"),
  at: instant,
  level: z.enum(logLevels),
  source: z.enum(logSources).describe("Who said it."),
  message: z.string(),
  name: z.string().exactOptional().describe("Component, tool or agent within the source."),
  ...about,
  trace: z.string().exactOptional(),
  span: z.string().exactOptional(),
  worker: z.string().exactOptional(),
  stream: z.enum(["stdout", "stderr"]).exactOptional().describe("Where user code printed it."),
  fields: z.record(z.string(), json).exactOptional(),
}).meta({ id: "LogRecord", description: "One line of a log." });

export const spanRecord = record({
  kind: z.literal("span"),
  trace: z.string(),
  span: z.string(),
  parent: z.string().exactOptional(),
  name: z.string(),
  startedAt: instant,
  ms: z.number().min(0).describe("How long it took, in milliseconds."),
  ok: z.boolean(),
  ...about,
  attributes: z.record(z.string(), json).exactOptional(),
}).meta({ id: "SpanRecord", description: "A piece of work with its beginning and duration." });

export const telemetryBatch = record({
  v: z.literal(1).describe("Version of this record."),
  kind: z.literal("tele"),
  source: z.string().describe("The process that sent it."),
  dropped: z.int().min(0).exactOptional().describe("Records lost since the last batch."),
  records: list(z.discriminatedUnion("kind", [logRecord, spanRecord])),
});
