/** What a worker reads of the configuration; a process spreads it into its own schema. */
import { numberOr, onOff, text, whole } from "@agentflow/host/settings";
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
  filesDir: text("where tools may leave files; the folder of the project"),
};

/** Spread into a process's section `sandbox`. */
export const sandboxSettings = {
  host: text("Docker engine on which untrusted tools are called (unix:///var/run/docker.sock)"),
  image: text("image of their containers; the newest worker image on the engine"),
  runtime: text("runtime of their containers (runsc), or RuntimeClass of their pods; the default one"),
  namespace: text("namespace of a Kubernetes cluster: they are pods there, instead of containers"),
  kubeconfig: text("how that cluster is reached; the one that it runs in when left out"),
  pod: text("name of its own pod there: sandboxes go with it"),
  owner: text("whose sandboxes it removes at its start; made of the machine's name when left out"),
  broker: text("socket of a sandbox broker, which is asked instead of an engine"),
};

/** The most that a broker gives, whatever a worker asks for; a section `most` of its own. */
export const brokerSettings = {
  sandboxes: whole(32, { about: "sandboxes at the same time", max: 10_000 }),
  memoryMb: whole(4_096, { about: "memory of one, in MiB", min: 96 }),
  cpus: numberOr(4, { about: "cores of one", min: 0.05 }),
  pids: whole(512, { about: "processes of one", min: 16 }),
  tmpMb: whole(1_024, { about: "size of its /tmp, in MiB" }),
};
