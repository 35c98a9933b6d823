/** What a worker reads of the configuration; a process spreads it into its own schema. */
import { whole } from "@agentflow/host/settings";
import { workerLimits } from "./worker/limits.ts";

export const workerSettings = {
  slots: whole(8, { about: "steps that run at the same time", max: 1_000 }),
  leaseMs: whole(30_000, { about: "how long a silent worker keeps its tasks", min: 500 }),
  attemptTimeoutMs: whole(workerLimits.attemptTimeoutMs, { about: "of an attempt without one of its own" }),
  runnerMemoryMb: whole(512, { about: "heap of a runner", min: 64 }),
};
