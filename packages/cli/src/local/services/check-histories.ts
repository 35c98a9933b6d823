/** `af server --check-histories`: this release against what an installation has in flight. It reads alone. */
import type { Bus } from "@agentflow/bus";
import type { HistoriesReport } from "@agentflow/control-plane/upgrade";
import { AgentFlowError } from "@agentflow/protocol";
import { existsSync } from "node:fs";
import { localPaths } from "../paths.ts";
import { natsAddress } from "./nats-address.ts";
import { openWorld, readServiceSettings, type ServiceOptions } from "./service.ts";
import { serverSettings } from "./settings.ts";

export interface HistoriesCheck extends ServiceOptions {
  /** The bus of this project's `af dev`, instead of the one of the settings. */
  readonly isEmbedded: boolean;
  readonly withinMs: number;
  readonly onProgress: (done: { readonly runs: number; readonly journals: number }) => void;
}

export interface CheckedHistories extends HistoriesReport {
  /** `nats://…`, or the folder of the embedded bus. */
  readonly bus: string;
  readonly ms: number;
}

const tellEveryMs = 2_000;

/** Throws what keeps it from reading; what it found wrong is in the report. */
export async function checkInstallation(options: HistoriesCheck): Promise<CheckedHistories> {
  const world = await openWorld();
  const beganMs = performance.now();
  const late = AbortSignal.timeout(options.withinMs);
  let toldMs = beganMs;
  const onProgress: HistoriesCheck["onProgress"] = (done) => {
    const now = performance.now();
    if (now - toldMs < tellEveryMs) return;
    toldMs = now;
    options.onProgress(done);
  };
  const { bus, name } = options.isEmbedded ? await openEmbedded(options) : await openNats(options);
  try {
    const { checkHistories } = await import("@agentflow/control-plane/upgrade");
    const release = options.version;
    const report = await checkHistories({ bus, clock: world.clock, release, signal: late, onProgress });
    return { bus: name, ...report, ms: Math.round(performance.now() - beganMs) };
  } finally {
    await bus.close();
  }
}

async function openNats(options: ServiceOptions): Promise<{ bus: Bus; name: string }> {
  const { value } = await readServiceSettings(await serverSettings(), options);
  const nats = await import("@agentflow/bus/nats");
  const bus = await nats.openNats({ ...natsAddress(value.bus), role: "reader", name: "agentflow check" });
  return { bus, name: value.bus.servers.join(",") };
}

/** Held by an `af dev` it is refused, with the words of the lock. */
async function openEmbedded({ dir, version }: HistoriesCheck): Promise<{ bus: Bus; name: string }> {
  const { state } = localPaths(dir);
  if (!existsSync(state)) {
    throw new AgentFlowError("not_found", `there is no installation in ${state}`, {
      reason: "no_state",
      suggestions: ["-C DIR names the project", "--bus nats://host:4222 looks at one on NATS"],
    });
  }
  const embedded = await import("@agentflow/bus/embedded");
  return { bus: await embedded.openEmbedded({ dir: state, version }), name: state };
}
