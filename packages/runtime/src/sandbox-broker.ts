/** What `af sandbox` is made of: a broker with sandboxes of an engine behind it. */
import type { Clock } from "@agentflow/host/clock";
import { AgentFlowError } from "@agentflow/protocol";
import { hash } from "node:crypto";
import os from "node:os";
import { type Broker, type BrokerOptions, openBroker } from "./sandbox/broker.ts";
import type { SandboxSettings } from "./channel/supervisor-messages.ts";
import { dockerSandboxes } from "./sandbox/docker.ts";
import { sandboxEntry, sandboxUser } from "./sandbox/for-worker.ts";
import { podSource } from "./sandbox/kubernetes/for-broker.ts";

export type { Broker, BrokerNote } from "./sandbox/broker.ts";

export interface SandboxBrokerOptions extends Omit<BrokerOptions, "source"> {
  readonly engine: Omit<SandboxSettings, "broker">;
  /** Where the image holds the project. */
  readonly projectDir: string;
  readonly clock: Clock;
}

/** Throws `invalid_input` without an engine. Whether it answers shows with the first sandbox. */
export function openSandboxBroker(options: SandboxBrokerOptions): Promise<Broker> {
  const { engine, projectDir, clock, ...rest } = options;
  const { host, certificates, image, runtime, namespace } = engine;
  const owner = engine.owner ?? hash("sha256", `${os.hostname()}\0${options.path}`).slice(0, 16);
  if (namespace !== undefined) {
    const source = podSource({ ...engine, namespace }, { projectDir, entry: sandboxEntry, owner, clock });
    void source.sweep().catch(() => undefined);
    return openBroker({ ...rest, source });
  }
  if (host === undefined) {
    throw new AgentFlowError("invalid_input", "the broker needs a Docker engine", {
      reason: "no_engine",
      suggestions: ["set sandbox.host, or DOCKER_HOST"],
    });
  }
  const shape = { runtime, user: sandboxUser, projectDir, entry: sandboxEntry, owner };
  const source = dockerSandboxes({ host, certificates, image, shape, binds: () => [], clock });
  // What a predecessor left is removed before anybody waits; an engine that is not there yet is no fault.
  void source.sweep().catch(() => undefined);
  return openBroker({ ...rest, source });
}
