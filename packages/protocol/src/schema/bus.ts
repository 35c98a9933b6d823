/** Schemas of what is asked of the bus through the API. */
import { z } from "zod";
import { idText as id } from "./parse-id.ts";

export const redriveBody = z.strictObject({
  letters: z.array(z.int().min(1)).min(1).max(100).exactOptional().describe("Their numbers."),
  all: z.boolean().exactOptional().describe("All that match; without letters named it has to be said."),
  pool: id("pool").exactOptional(),
  run: id("run").exactOptional(),
  reason: z.string().max(200).exactOptional().describe("Part of why they were buried."),
  before: z.int().min(1).exactOptional().describe("Only letters with a smaller number: the next page."),
  dryRun: z.boolean().exactOptional().describe("Only say what would be done."),
});

const processUsage = { cpuMs: z.number(), rssBytes: z.number() };

export const topAnswer = z.looseObject({
  tenant: z.string().exactOptional(),
  at: z.string(),
  since: z.string().describe("Since when `counters` count; another one: they began anew."),
  node: z.string(),
  counters: z.record(z.string(), z.int()).describe("Totals; rates are the difference of two answers."),
  pools: z.array(
    z.looseObject({
      pool: z.string(),
      workers: z.int(),
      slots: z.int(),
      busy: z.int(),
      waiting: z.int(),
      oldestWaitMs: z.number().exactOptional(),
    }),
  ),
  workers: z.array(
    z.looseObject({
      worker: z.string(),
      alive: z.boolean(),
      usage: z
        .looseObject({
          supervisor: z.object(processUsage),
          runners: z.array(z.object({ pid: z.int(), ...processUsage })),
        })
        .exactOptional(),
    }),
  ),
});

const busItem = {
  subject: z.string(),
  tenant: z.string().exactOptional(),
  id: z.string().exactOptional(),
  revision: z.int().exactOptional(),
  at: z.string().exactOptional(),
  run: z.string().exactOptional(),
  step: z.string().exactOptional(),
  bytes: z.int(),
  body: z.unknown().describe("Decoded, known secrets hidden. Absent when it is cut or withheld."),
  cut: z.string().exactOptional(),
  withheld: z.enum(["secret", "other_tenant"]).exactOptional(),
};

export const peekAnswer = z.looseObject({
  kind: z.string(),
  tenant: z.string().exactOptional(),
  at: z.string(),
  items: z.array(z.looseObject(busItem)),
  more: z.boolean(),
});

export const deadPage = z.object({
  items: z.array(
    z.looseObject({
      letter: z.int(),
      task: z.string(),
      tenant: z.string(),
      pool: z.string(),
      reason: z.string(),
      times: z.int(),
      since: z.string(),
      at: z.string(),
      state: z.enum(["open", "queued", "working", "settled", "gone", "unknown"]),
    }),
  ),
  more: z.boolean(),
});

export const redriveAnswer = z.object({
  dryRun: z.boolean(),
  items: z.array(
    z.looseObject({
      letter: z.int(),
      task: z.string(),
      tenant: z.string(),
      outcome: z.enum(["sent", "would_send", "queued", "working", "settled", "gone", "unknown", "failed"]),
    }),
  ),
  more: z.boolean(),
});
