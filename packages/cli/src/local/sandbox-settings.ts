/** Which engine a worker's sandboxes are made on: the setting, else the one that `docker` uses here. */
import type { SandboxSettings } from "@agentflow/runtime/supervise";
import os from "node:os";

/** Connects nowhere. Where the engine cannot even be named, untrusted calls are refused and say so. */
export async function sandboxSettingsOf(told: SandboxSettings): Promise<SandboxSettings> {
  if (told.broker !== undefined || told.namespace !== undefined) return told;
  const { findEngine } = await import("@agentflow/cluster/find-engine");
  try {
    const looking = told.host === undefined ? {} : { host: told.host };
    const found = await findEngine({
      ...looking,
      target: "sandbox.host",
      environment: process.env,
      home: os.homedir(),
    });
    const { host, certificates } = found;
    return { ...told, host, ...(certificates === undefined ? {} : { certificates }) };
  } catch {
    return told;
  }
}
