/** How a value stands in a record, and other parts that many records share. */
import { z } from "zod";
import type { Shown } from "../agent.ts";
import type { Failure } from "../errors.ts";
import type { Value } from "../json.ts";
import type { PlanUses } from "../plan.ts";
import { effects } from "../workflow.ts";
import { id } from "./parse-id.ts";
import { json, record } from "./parse-object.ts";

/** `<tenant>/<run>/<sha256>`, `<tenant>/_def/<sha256>` or `<tenant>/_archive/<sha256>`. */
export const blobKeyPattern =
  /^[a-z0-9][a-z0-9_-]{0,62}\/(r[0-9a-hjkmnp-tv-z]{26}|_def|_archive)\/[0-9a-f]{64}$/;

export const value: z.ZodType<Value> = z
  .union([
    record({ inline: json.describe("The value itself, at most 64 KiB of JSON text.") }),
    record({
      blob: z
        .string()
        .regex(blobKeyPattern, { error: "is not a blob key" })
        .describe("Key of the blob that holds the value's JSON text."),
      bytes: z.int().min(0).describe("Length of that text in bytes."),
    }),
  ])
  .meta({ id: "Value", description: "A value: inline, or by reference when it is bigger than 64 KiB." });

export const failure: z.ZodType<Failure> = record({
  code: z.string().describe("One of our codes, or the code of the error that a tool threw."),
  message: z.string().describe("For people."),
  details: z.record(z.string(), z.unknown()).exactOptional().describe("Plain data that came with it."),
}).meta({ id: "Failure", description: "How a step or a run failed." });

export const uses: z.ZodType<PlanUses> = z
  .discriminatedUnion("kind", [
    record({ kind: z.literal("tool"), name: z.string().describe("The tool, `<file>.<export>`.") }),
    record({ kind: z.literal("agent"), name: z.string().describe("The agent.") }),
    record({ kind: z.literal("human"), name: z.literal("approve") }),
    record({ kind: z.literal("set") }),
    record({ kind: z.literal("wait") }),
    record({ kind: z.literal("emit") }),
  ])
  .meta({ id: "Uses", description: "What a step does." });

export const effect = z.enum(effects).describe("What the call does to the world.");

export const shown: z.ZodType<Shown> = record({
  uses: z.string().describe("`tool:mail.send`, or `human:approve`."),
  effect: effect.exactOptional(),
  input: json.describe("What the call would be given."),
  text: z.string().exactOptional().describe("Why it is asked."),
}).meta({ id: "Shown", description: "What is shown to whoever approves." });

/** An attempt's number. */
export const attempt = z.int().min(1).describe("Number of the attempt, from 1.");
export const instance = id("step instance").describe("The step; for one item of a list, `<step>~<n>`.");

export const labels = z.record(z.string(), z.string()).describe("What the client gave to find the run by.");
