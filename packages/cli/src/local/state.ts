/** The state of a project that is not running, as a backup is taken from it and restored into it. */
import type { EmbeddedBus } from "@agentflow/bus/embedded";
import type { Restored, RestoreProgress } from "@agentflow/control-plane/backup";
import { AgentFlowError } from "@agentflow/protocol";
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { localPaths, prepareFolder } from "./paths.ts";

/** A backup's bytes, straight from the state; nobody else can open it meanwhile. */
export async function* readState(of: {
  readonly dir: string;
  readonly version: string;
  readonly telemetry: boolean;
}): AsyncGenerator<Uint8Array, void> {
  const { dir, version, telemetry } = of;
  const { state, nats } = localPaths(dir);
  if (!existsSync(path.join(state, "log.db"))) {
    const isOnNats = existsSync(nats);
    throw new AgentFlowError("not_found", "there is no state here to be saved", {
      reason: "no_state",
      details: { where: state },
      suggestions: isOnNats
        ? [`its runs lie in ${nats}: af dev --bus nats, and while that runs af backup`]
        : ["af dev makes it"],
    });
  }
  const { backup, system, embedded } = await loadParts();
  const bus = await openOwned(embedded, { dir: state, version });
  const stop = new AbortController();
  try {
    await backup.refuseHalfRestored(bus);
    const { signal } = stop;
    const world = system.systemWorld();
    const bytes = backup.backupBytes({
      bus,
      world,
      signal,
      telemetry,
      program: version,
      node: process.version,
    });
    for await (const chunk of bytes) yield toBytes(chunk);
  } finally {
    stop.abort();
    await bus.close();
  }
}

export interface RestoreState {
  readonly dir: string;
  readonly version: string;
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly acceptFaults: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RestoreProgress) => void;
}

/** Into a project whose state holds no run. What an earlier restore left half done is thrown away first. */
export async function restoreState(options: RestoreState): Promise<Restored> {
  const { dir, version, open, acceptFaults, signal, onProgress } = options;
  const paths = localPaths(dir);
  prepareFolder(paths, { fresh: false });
  const { backup, system, embedded } = await loadParts();
  // Before anything is touched, also what an earlier restore left.
  await backup.surveyBackup(open);
  let bus = await openOwned(embedded, { dir: paths.state, version });
  try {
    if ((await backup.findMark(bus.table)) !== undefined) {
      await bus.close();
      rmSync(paths.state, { recursive: true, force: true });
      bus = await openOwned(embedded, { dir: paths.state, version });
    }
    const world = system.systemWorld();
    const restored = await backup.restoreBackup(open, {
      bus,
      world,
      acceptFaults,
      signal,
      onProgress,
      program: version,
      node: process.version,
    });
    // It knows runs by where they stood in another log; it is made again from this one.
    for (const end of ["", "-wal", "-shm"]) rmSync(path.join(paths.state, `read.db${end}`), { force: true });
    return restored;
  } finally {
    await bus.close();
  }
}

async function loadParts() {
  const [embedded, backup, system] = await Promise.all([
    import("@agentflow/bus/embedded"),
    import("@agentflow/control-plane/backup"),
    import("@agentflow/host/world"),
  ]);
  return { embedded, backup, system };
}

async function openOwned(
  { openEmbedded }: Awaited<ReturnType<typeof loadParts>>["embedded"],
  of: { readonly dir: string; readonly version: string },
): Promise<EmbeddedBus> {
  try {
    return await openEmbedded(of);
  } catch (error) {
    if (!AgentFlowError.is(error) || error.reason !== "owned") throw error;
    throw new AgentFlowError("conflict", `the state is in use: ${error.message}`, {
      reason: "owned",
      details: error.details,
      suggestions: ["stop it first: Ctrl-C in its af dev"],
      cause: error,
    });
  }
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new AgentFlowError("internal", "a stream of bytes gave something else");
}
