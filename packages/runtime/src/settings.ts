/** What a worker reads of the configuration; a process spreads it into its own schema. */
import { onOff, whole } from "@agentflow/host/settings";
import { agentLimits } from "./agent/limits.ts";
import { workerLimits } from "./worker/limits.ts";

/** Spread into a process's section `telemetry`. */
export const spanSettings = {
  content: onOff("spans hold what models and tools were given and gave, too; secrets hidden"),
};

export const workerSettings = {
  slots: whole(8, { about: "steps that run at the same time", max: 1_000 }),
  leaseMs: whole(30_000, { about: "how long a silent worker keeps its tasks", min: 500 }),
  attemptTimeoutMs: whole(workerLimits.attemptTimeoutMs, { about: "of an attempt without one of its own" }),
  agentTimeoutMs: whole(agentLimits.attemptTimeoutMs, {
    about: "of an agent's attempt without one of its own",
  }),
  runnerMemoryMb: whole(512, { about: "heap of a runner", min: 64 }),
};
