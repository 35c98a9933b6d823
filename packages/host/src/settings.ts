/** The settings that every server process has; a process spreads them into its own schema. */
import { logLevels } from "@agentflow/protocol";
import { z } from "zod";

const level = z.enum(logLevels);

export const hostSettings = {
  log: z.object({
    level: level.default("info").describe("least level that is written").meta({ reload: true }),
    levels: z.record(z.string(), level).default({}).describe("level by component").meta({ reload: true }),
    format: z.enum(["json", "text"]).default("json"),
  }),
  flags: z
    .record(z.string(), z.union([z.boolean(), z.number().min(0).max(100)]))
    .default({})
    .describe("feature flags: on, off, or the percentage of keys for which it is on")
    .meta({ reload: true }),
  stopMs: z.number().int().min(0).max(600_000).default(10_000).describe("time for a graceful stop"),
};
