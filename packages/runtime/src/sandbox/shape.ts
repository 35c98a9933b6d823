/**
 * The one shape of a sandbox's container. A request chooses limits below a bound, and the tool's name; it
 * chooses no image, no mount, no privilege and no command.
 */
import { egressPort } from "../channel/link-messages.ts";
import type { SandboxRequest } from "./source.ts";

/** What is fixed for all sandboxes of a worker or a broker. */
export interface SandboxShape {
  /** Id of the image, `sha256:…`: what the name said when it was looked up. */
  readonly image: string;
  /** The engine's default when left out. */
  readonly runtime?: string | undefined;
  readonly user: string;
  /** Folder of the project's code in the container. */
  readonly projectDir: string;
  /** Of the engine's machine, read-only at the same path; none when the image holds the project. */
  readonly binds: readonly string[];
  /** The file that the program starts on, in the image. */
  readonly entry: string;
  /** Who made it: whose leftovers are found by it. */
  readonly owner: string;
}

export const sandboxLabels = {
  sandbox: "dev.agentflow.sandbox",
  owner: "dev.agentflow.sandbox.owner",
  /** Unix milliseconds after which nobody waits for it. */
  until: "dev.agentflow.sandbox.until",
  tool: "dev.agentflow.sandbox.tool",
  run: "dev.agentflow.sandbox.run",
  step: "dev.agentflow.sandbox.step",
} as const;

const mib = 1024 * 1024;

/** Frames on 3 and 4, so that what code prints cannot be taken for one; then a deadline that needs nobody. */
const script =
  'exec 3<&0 4>&1 </dev/null >&2; exec timeout -s KILL "$1" node "--max-old-space-size=$2" ' +
  '--max-semi-space-size=4 --disable-proto=delete "$3"';

/** Its own loopback, behind which its supervisor stands: what speaks to proxies goes there by itself. */
const proxy = `http://127.0.0.1:${egressPort}`;
const proxied = ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"]
  .map((name) => `${name}=${proxy}`)
  .concat("NODE_USE_ENV_PROXY=1", "NO_PROXY=");

export function containerOf(shape: SandboxShape, request: SandboxRequest, now: number): object {
  const { memoryMb, cpus, pids, tmpMb, network, tool, run, step, lifeMs } = request;
  const lifeS = Math.ceil(lifeMs / 1_000);
  const heapMb = Math.floor(memoryMb * 0.6);
  const cpuS = Math.ceil(lifeS * Math.max(1, cpus)) + 5;
  return {
    Image: shape.image,
    Entrypoint: ["/bin/sh", "-c", script, "sandbox", String(lifeS), String(heapMb), shape.entry],
    Cmd: [],
    User: shape.user,
    WorkingDir: shape.projectDir,
    Hostname: "sandbox",
    Env: ["HOME=/tmp", "NODE_OPTIONS=", "NODE_ENV=production", ...(network.length > 0 ? proxied : [])],
    Labels: {
      [sandboxLabels.sandbox]: "1",
      [sandboxLabels.owner]: shape.owner,
      [sandboxLabels.until]: String(now + lifeMs),
      [sandboxLabels.tool]: tool,
      [sandboxLabels.run]: run,
      [sandboxLabels.step]: step,
    },
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    NetworkDisabled: true,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...(shape.runtime === undefined ? {} : { Runtime: shape.runtime }),
      NetworkMode: "none",
      Privileged: false,
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      IpcMode: "none",
      Init: true,
      Memory: memoryMb * mib,
      MemorySwap: memoryMb * mib,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: pids,
      Ulimits: [
        { Name: "core", Soft: 0, Hard: 0 },
        { Name: "nofile", Soft: 1024, Hard: 1024 },
        { Name: "cpu", Soft: cpuS, Hard: cpuS },
      ],
      Tmpfs: {
        "/tmp": `rw,nosuid,nodev,noexec,size=${tmpMb}m,nr_inodes=20000,mode=1777,${ownerOf(shape.user)}`,
      },
      Mounts: shape.binds.map((bind) => ({
        Type: "bind",
        Source: bind,
        Target: bind,
        ReadOnly: true,
        BindOptions: { Propagation: "rprivate", NonRecursive: true },
      })),
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "none" },
    },
  };
}

/** Some runtimes give a tmpfs the mode that the folder has in the image: so its owner is said too. */
function ownerOf(user: string): string {
  const [uid = "", gid = uid] = user.split(":");
  return `uid=${uid},gid=${gid}`;
}
