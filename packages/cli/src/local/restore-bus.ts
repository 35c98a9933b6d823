/** A backup into the installation on NATS that the settings name, by the identity that they name. */
import type { Restored, RestoreProgress } from "@agentflow/control-plane/backup";
import { natsAddress } from "./services/nats-address.ts";
import { readServiceSettings, type ServiceOptions } from "./services/service.ts";
import { serverSettings } from "./services/settings.ts";

export interface RestoreBus extends ServiceOptions {
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly acceptFaults: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RestoreProgress) => void;
}

/** Where nobody is at work and no runs are; a restore of the same file that was cut off goes on. */
export async function restoreBus(options: RestoreBus): Promise<Restored & { readonly servers: string[] }> {
  const { open, acceptFaults, signal, onProgress, version } = options;
  const { value } = await readServiceSettings(await serverSettings(), options);
  const { bus: where, engine } = value;
  const [{ openNats }, { quietMsWith, restoreBackup, surveyBackup }, { systemWorld }] = await Promise.all([
    import("@agentflow/bus/nats"),
    import("@agentflow/control-plane/backup"),
    import("@agentflow/host/world"),
  ]);
  // Before anything is made on the server.
  await surveyBackup(open);
  const { replicas, logs } = where;
  const made = { replicas, ...(logs === undefined ? {} : { logs }) };
  const bus = await openNats({ ...natsAddress(where), name: "agentflow restore", role: "owner", ...made });
  try {
    const restored = await restoreBackup(open, {
      bus,
      world: systemWorld(),
      acceptFaults,
      signal,
      onProgress,
      program: version,
      node: process.version,
      quietMs: quietMsWith(engine),
    });
    return { ...restored, servers: where.servers };
  } finally {
    await bus.close();
  }
}
