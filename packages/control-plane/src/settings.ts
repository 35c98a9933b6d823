/** What a control plane reads of the configuration; a process spreads it into its own schema. */
import { settings, text, whole, wholes } from "@agentflow/host/settings";
import { z } from "zod";
import { serverLimits } from "./api/limits.ts";
import { engineDefaults } from "./engine-config.ts";

const texts = z.array(z.string()).default([]);

export const controlPlaneSettings = {
  api: settings({
    host: z.string().min(1).default("127.0.0.1").describe("address to listen on"),
    port: z.number().int().min(0).max(65_535).optional().describe("4180, or any free one, when left out"),
    hosts: texts.describe("further names under which the API may be addressed"),
    origins: texts.describe("further origins whose pages may call"),
    limits: wholes({ ...serverLimits }).describe("bounds of the HTTP edge"),
  }),
  telemetry: settings({
    otlp: settings({
      endpoint: text("collector that spans are sent to by OTLP over HTTP, without /v1/traces"),
      headers: z
        .record(z.string(), z.string())
        .default({})
        .describe("headers of it: secret://NAME for a key"),
    }),
  }),
  retain: settings({
    days: whole(7, { about: "ended runs stay in the log so long", reload: true }),
    runs: whole(100_000, { about: "ended runs that stay in the log", reload: true }),
    everyMs: whole(3_600_000, { about: "time between two looks for them", min: 1_000 }),
    archiveDays: whole(90, { about: "archives of ended runs are kept so long", reload: true }),
  }),
  engine: wholes({ ...engineDefaults }).describe("bounds of the engine"),
};
