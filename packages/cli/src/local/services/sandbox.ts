/** `af sandbox`: the broker of sandboxes as a plain service. */
import { AgentFlowError, parseId } from "@agentflow/protocol";
import os from "node:os";
import { sandboxSettingsOf } from "../sandbox-settings.ts";
import { failStart } from "./failed.ts";
import {
  type ServiceOptions,
  nameFrom,
  openServiceLog,
  openStop,
  openWorld,
  readServiceSettings,
} from "./service.ts";
import { sandboxServiceSettings } from "./settings.ts";

/** Makes sandboxes until it is told to stop; then it ends those that are open. */
export async function runSandbox(options: ServiceOptions): Promise<never> {
  const { value: settings, notes } = await readServiceSettings(await sandboxServiceSettings(), options);
  const world = await openWorld();
  const name = nameFrom(os.hostname(), `sandbox-${process.pid}`);
  const { log } = await openServiceLog({
    world,
    source: "worker",
    name,
    tenant: parseId("tenant", "default"),
    levels: settings.log,
  });
  const stop = await openStop({ world, log, stopMs: settings.stopMs });
  for (const note of notes) log.warn(note);
  try {
    const { broker: socket, ...sandbox } = settings.sandbox;
    if (socket === undefined) throw noSocket();
    const engine = await sandboxSettingsOf(sandbox);
    const { openSandboxBroker } = await import("@agentflow/runtime/sandbox-broker");
    const { sandboxes: max, ...most } = settings.most;
    const broker = await openSandboxBroker({
      path: socket,
      engine,
      projectDir: options.dir,
      max,
      most,
      clock: world.clock,
      told: ({ kind, ...what }) => log.info(`sandbox ${kind}`, what),
    });
    stop.add("close", "sandboxes", () => broker.close());
    log.info("ready", { socket, engine: engine.host, max });
  } catch (error) {
    await failStart(error, { says: "the broker could not start", log, stop });
  }
  return new Promise(() => undefined);
}

function noSocket(): AgentFlowError {
  return new AgentFlowError("invalid_input", "the broker needs a path for its socket", {
    reason: "no_socket",
    suggestions: ["af sandbox --socket /run/agentflow/sandbox.sock", "or set sandbox.broker"],
  });
}
