/** One container of a pod in the engine: started, signalled, looked into, and gone when it has ended. */
import type Docker from "dockerode";
import type { Executing, Execution } from "../pods.ts";
import { type Engine, quietly } from "./docker-engine.ts";
import { volumeName } from "./docker-volumes.ts";
import {
  type Ended,
  type Launch,
  type Output,
  type Running,
  type SandboxSpec,
  StartError,
  type Use,
} from "./runtime.ts";

export interface EngineStart {
  readonly spec: SandboxSpec;
  readonly address: string;
  /** The container whose network it shares. */
  readonly shares: string | undefined;
  readonly launch: Launch;
  readonly output: Output;
}

export async function startInEngine(held: Engine, start: EngineStart): Promise<Running> {
  const container = await create(held, start);
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const printed = split(stream, start.output);
    const waited = container.wait({ condition: "next-exit" });
    await container.start();
    const life: Life = { container, sent: new Set(), isLimited: start.launch.memoryBytes !== undefined };
    return runningOf(life, waitFor(held, life, { waited, printed }));
  } catch (error) {
    await quietly(container.remove({ force: true, v: true }));
    throw new StartError(`failed to create containerd task: ${wordsOf(error)}`);
  }
}

/** As the pause container of a node: it does nothing, and ends last. */
export function holdNetwork(
  held: Engine,
  of: Pick<EngineStart, "spec" | "address"> & { readonly image: string },
): Promise<Running> {
  const { image, ...more } = of;
  const launch: Launch = {
    container: "POD",
    image,
    command: ["/bin/sh", "-c", "while :; do sleep 86400; done"],
    args: [],
    environment: {},
    mounts: [],
    readOnlyRoot: true,
    dropAll: true,
    noNewPrivileges: true,
  };
  return startInEngine(held, { ...more, shares: undefined, launch, output: () => undefined });
}

async function create(held: Engine, start: EngineStart): Promise<Docker.Container> {
  const { launch, spec, shares } = start;
  if (launch.mounts.some((mount) => mount.subPath !== undefined)) {
    throw new StartError("subPath of a mount is not offered by pods on an engine");
  }
  const { namespace, name, uid } = spec.pod;
  const user = launch.user ?? (launch.group === undefined ? undefined : 0);
  try {
    return await held.engine.createContainer({
      name: `${held.name}-${namespace}-${name}-${launch.container}-${Date.now().toString(36)}`,
      Image: launch.image,
      ...(launch.command !== undefined && { Entrypoint: [...launch.command] }),
      ...(launch.args !== undefined && { Cmd: [...launch.args] }),
      Env: Object.entries(launch.environment).map(([key, value]) => `${key}=${value}`),
      ...(launch.workingDir !== undefined && { WorkingDir: launch.workingDir }),
      ...(user !== undefined && { User: launch.group === undefined ? `${user}` : `${user}:${launch.group}` }),
      Labels: {
        ...held.labels,
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.name": name,
        "io.kubernetes.pod.uid": uid,
        "io.kubernetes.container.name": launch.container,
      },
      ...(shares === undefined && { Hostname: spec.hostname.slice(0, 63) }),
      ...(shares === undefined && !spec.isClosed && inNetwork(held, start)),
      HostConfig: hostConfig(held, start),
    });
  } catch (error) {
    throw new StartError(wordsOf(error));
  }
}

function inNetwork(held: Engine, { address }: EngineStart) {
  return { NetworkingConfig: { EndpointsConfig: { [held.name]: { IPAMConfig: { IPv4Address: address } } } } };
}

function hostConfig(held: Engine, { launch, spec, shares }: EngineStart): Docker.HostConfig {
  const { namespace, uid } = spec.pod;
  const names = {
    Dns: [held.gateway],
    DnsSearch: [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"],
    DnsOptions: ["ndots:5"],
  };
  return {
    NetworkMode: shares === undefined ? (spec.isClosed ? "none" : held.name) : `container:${shares}`,
    ...(shares === undefined && !spec.isClosed && names),
    ReadonlyRootfs: launch.readOnlyRoot,
    ...(launch.dropAll && { CapDrop: ["ALL"] }),
    ...(launch.noNewPrivileges && { SecurityOpt: ["no-new-privileges"] }),
    ...(launch.memoryBytes !== undefined && {
      Memory: Math.max(launch.memoryBytes, leastMemoryBytes),
      MemorySwap: Math.max(launch.memoryBytes, leastMemoryBytes),
    }),
    ...(launch.cores !== undefined && { NanoCpus: Math.round(launch.cores * 1e9) }),
    ...(spec.fsGroup !== undefined && { GroupAdd: [String(spec.fsGroup)] }),
    ...(spec.runtimeHandler !== undefined && { Runtime: spec.runtimeHandler }),
    Mounts: launch.mounts.map((mount) => ({
      Type: "volume",
      Source: volumeName(held, spec.volumes.get(mount.volume) ?? { kind: "empty" }, {
        uid,
        volume: mount.volume,
      }),
      Target: mount.path,
      ReadOnly: mount.readOnly,
      VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "local", Options: {} } },
    })),
  };
}

/** Engines refuse less. */
const leastMemoryBytes = 6 * 1024 * 1024;

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("json" in error && typeof error.json === "object" && error.json !== null && "message" in error.json) {
    return String(error.json.message);
  }
  return error.message;
}

const headBytes = 8;

/**
 * Both outputs come as one, in pieces with a head of eight bytes: which it is, and how long the piece is.
 * Fulfilled when all that was printed has been handed on.
 */
function split(stream: NodeJS.ReadWriteStream, output: Output): Promise<void> {
  let rest = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= headBytes) {
      const end = headBytes + rest.readUInt32BE(4);
      if (rest.length < end) return;
      output(rest[0] === 2 ? "stderr" : "stdout", rest.subarray(headBytes, end));
      rest = rest.subarray(end);
    }
  });
  return new Promise((resolve) => {
    for (const event of ["end", "close", "error"]) stream.on(event, () => resolve());
  });
}

interface Life {
  readonly container: Docker.Container;
  /** Signals that were sent from here. */
  readonly sent: Set<string>;
  /** Its memory has a limit. */
  readonly isLimited: boolean;
}

async function waitFor(
  held: Engine,
  life: Life,
  over: { readonly waited: Promise<unknown>; readonly printed: Promise<void> },
): Promise<Ended> {
  const { container } = life;
  try {
    await over.waited;
    await over.printed;
    const { State: state } = await container.inspect();
    const { ExitCode: exitCode } = state;
    return { exitCode, outOfMemory: state.OOMKilled || (await lackedMemory(held, life, exitCode)) };
  } catch {
    // Removed from outside: as good as killed.
    return { exitCode: 137, outOfMemory: false };
  } finally {
    await quietly(container.remove({ force: true, v: true }));
  }
}

const killed = 137;

/**
 * An engine does not always know: it is told of the end and of the kernel's reason one by one, in either
 * order, and of the reason not at all when the group of the processes went first. So it is told by what is
 * left: it was killed, and nobody asked for that.
 */
async function lackedMemory({ engine }: Engine, life: Life, exitCode: number): Promise<boolean> {
  const { container, sent, isLimited } = life;
  if (exitCode !== killed || !isLimited || sent.has("SIGKILL")) return false;
  const filters = { container: [container.id], event: ["kill"] };
  const asked = await engine.getEvents({ since: 0, until: Date.now() / 1_000, filters });
  let said = "";
  for await (const chunk of asked) said += String(chunk);
  return said.trim() === "";
}

function runningOf({ container, sent }: Life, ended: Promise<Ended>): Running {
  return {
    id: container.id,
    ended,
    use: () => useOf(container).catch(() => undefined),
    signal: (name) => {
      sent.add(name);
      void quietly(container.kill({ signal: name }));
    },
    exec: (what) => execIn(container, what, ended),
  };
}

async function useOf(container: Docker.Container): Promise<Use> {
  const {
    read,
    cpu_stats: cpu,
    memory_stats: memory,
  } = await container.stats({ stream: false, "one-shot": true });
  const freeable = [memory.stats?.inactive_file, memory.stats?.total_inactive_file];
  // What the kernel could give back at once is not counted, as nodes do it.
  const memoryBytes = Math.max(0, (memory.usage ?? 0) - Math.max(...freeable.map((bytes) => bytes ?? 0)));
  return { cpuNanos: cpu.cpu_usage.total_usage, memoryBytes, atMs: Date.parse(read) };
}

async function execIn(
  container: Docker.Container,
  { command, stdin, tty }: Executing,
  ended: Promise<Ended>,
): Promise<Execution> {
  const exec = await container.exec({
    Cmd: [...command],
    AttachStdin: stdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: tty,
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: tty });
  const listeners: ((stream: "stdout" | "stderr", chunk: Buffer) => void)[] = [];
  const tell: Output = (name, chunk) => {
    for (const listener of listeners) listener(name, chunk);
  };
  if (tty) stream.on("data", (chunk: Buffer) => tell("stdout", chunk));
  const printed = tty
    ? new Promise<void>((resolve) => {
        for (const event of ["end", "close", "error"]) stream.on(event, () => resolve());
      })
    : split(stream, tell);
  if (!stdin) stream.end();
  const over = Promise.race([printed, ended]).then(async () => {
    try {
      const { ExitCode: exitCode } = await exec.inspect();
      return { exitCode: exitCode ?? 137 };
    } catch {
      return { exitCode: 137 };
    }
  });
  return {
    stdin: { write: (chunk) => void stream.write(chunk), end: () => void stream.end() },
    onOutput: (listener) => void listeners.push(listener),
    ended: over,
    kill: () => stream.destroy(),
  };
}
