/**
 * Containers as programs of this host. An image is a name that the test declares; its programs are this
 * host's. What mounts cannot do here, the text does: a mount path in command, arguments and environment
 * stands for the folder that is mounted there. Ports are this host's, so no two pods can listen on one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { constants as system, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Executing, Execution } from "../pods.ts";
import { processExecution } from "./process-exec.ts";
import {
  type Ended,
  type Launch,
  type Mount,
  type Output,
  type PodRuntime,
  type Running,
  type Sandbox,
  type SandboxSpec,
  StartError,
} from "./runtime.ts";

export interface HostImage {
  readonly name: string;
  /** `0` when it names none. */
  readonly user?: string;
  /** What runs when the container names no command. */
  readonly command?: readonly string[];
}

export interface ProcessesOptions {
  readonly images: readonly (string | HostImage)[];
  /** Which image of those can be had only after a pull. */
  readonly pullable?: readonly string[];
}

export function processes(options: ProcessesOptions): PodRuntime {
  const root = mkdtempSync(join(tmpdir(), "af-pods-"));
  const images = new Map(
    options.images.map((one) => [nameOf(one), typeof one === "string" ? { name: one } : one]),
  );
  const pullable = new Set(options.pullable ?? []);
  const sandboxes = new Set<Sandbox>();
  let last = 1;
  return {
    scheme: "containerd",
    image: (reference) => Promise.resolve(imageOf(images.get(reference))),
    pull(reference) {
      if (pullable.has(reference)) images.set(reference, { name: reference });
      if (images.has(reference)) return Promise.resolve();
      return Promise.reject(new Error(pullFault(reference)));
    },
    sandbox(spec) {
      last += 1;
      const address = `10.244.${Math.floor(last / 250)}.${last % 250}`;
      const made = hostSandbox({ root, spec, address, images, forget: () => sandboxes.delete(made) });
      sandboxes.add(made);
      return Promise.resolve(made);
    },
    removeClaim(claim) {
      rmSync(claimFolder(root, claim), { recursive: true, force: true });
      return Promise.resolve();
    },
    async stop() {
      await Promise.all([...sandboxes].map((one) => one.remove()));
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function nameOf(image: string | HostImage): string {
  return typeof image === "string" ? image : image.name;
}

function imageOf(image: HostImage | undefined) {
  if (image === undefined) return undefined;
  const id = createHash("sha256").update(image.name).digest("hex");
  return { id: `sha256:${id}`, name: fullName(image.name), user: image.user ?? "" };
}

/** With the registry and the path that a short name leaves out. */
function fullName(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  if (rest.length === 0) return `docker.io/library/${reference}`;
  return /[.:]/.test(first) || first === "localhost" ? reference : `docker.io/${reference}`;
}

function pullFault(reference: string): string {
  const [, host = "", path = "", tag = ""] = /^([^/]+)\/(.+?)(?::([^:/]+))?$/.exec(fullName(reference)) ?? [];
  const head = `https://${host}/v2/${path}/manifests/${tag === "" ? "latest" : tag}`;
  return (
    `failed to pull and unpack image "${fullName(reference)}": failed to resolve image: ` +
    `failed to do request: Head "${head}": dial tcp: lookup ${host} on 10.96.0.10:53: no such host`
  );
}

function claimFolder(root: string, claim: string): string {
  return join(root, "claims", claim);
}

interface Held {
  readonly root: string;
  readonly spec: SandboxSpec;
  readonly address: string;
  readonly images: ReadonlyMap<string, HostImage>;
  readonly forget: () => void;
}

function hostSandbox({ root, spec, address, images, forget }: Held): Sandbox {
  const folder = join(root, "pods", spec.pod.uid);
  const folders = makeVolumes(root, folder, spec);
  const running = new Set<Running>();
  return {
    address,
    probeHost: "127.0.0.1",
    connect: (port) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, "127.0.0.1");
        socket.once("connect", () => {
          socket.off("error", reject);
          resolve(socket);
        });
        socket.once("error", reject);
      }),
    async start(launch, output) {
      const place = (text: string) => placed(text, launch.mounts, folders);
      const image = images.get(launch.image);
      const one = await startProgram({ folder, launch, output, place, command: image?.command ?? [] });
      running.add(one);
      void one.ended.then(() => running.delete(one));
      return one;
    },
    async remove() {
      for (const one of running) one.signal("SIGKILL");
      await Promise.all([...running].map((one) => one.ended));
      rmSync(folder, { recursive: true, force: true });
      forget();
    },
  };
}

function makeVolumes(root: string, folder: string, spec: SandboxSpec): Map<string, string> {
  const folders = new Map<string, string>();
  for (const [name, content] of spec.volumes) {
    const at = content.kind === "claim" ? claimFolder(root, content.claim) : join(folder, "volumes", name);
    mkdirSync(at, { recursive: true });
    folders.set(name, at);
    for (const file of content.kind === "files" ? content.files : []) {
      const path = join(at, file.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, file.data, { mode: file.mode });
    }
  }
  return folders;
}

/** Mount paths in a text become the folders that are mounted there; the longest first. */
function placed(text: string, mounts: readonly Mount[], folders: ReadonlyMap<string, string>): string {
  const longest = [...mounts].sort((one, other) => other.path.length - one.path.length);
  let made = text;
  for (const mount of longest) {
    const folder = join(folders.get(mount.volume) ?? "", mount.subPath ?? "");
    const before = `(^|[\\s"'=:;,(\`<>])`;
    const path = mount.path.replace(/[.*+?^$()|[\]{}\\]/g, "\\$&");
    made = made.replace(new RegExp(`${before}${path}(?=$|[/\\s"'=:;,)\`<>&|])`, "g"), `$1${folder}`);
  }
  return made;
}

interface Program {
  readonly folder: string;
  readonly launch: Launch;
  readonly output: Output;
  readonly place: (text: string) => string;
  readonly command: readonly string[];
}

function startProgram({ folder, launch, output, place, command }: Program): Promise<Running> {
  const words = [...(launch.command ?? command), ...(launch.args ?? [])].map(place);
  const [file, ...args] = words;
  const cwd = join(folder, "containers", launch.container);
  mkdirSync(join(cwd, "tmp"), { recursive: true });
  const env: Record<string, string> & { PATH: string } = {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: cwd,
    TMPDIR: join(cwd, "tmp"),
  };
  for (const [key, value] of Object.entries(launch.environment)) env[key] = place(value);
  if (file === undefined) return Promise.reject(new StartError("no command specified"));
  const missing = missingProgram(file, env.PATH);
  if (missing !== undefined) return Promise.reject(new StartError(missing));
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (chunk: Buffer) => output("stdout", chunk));
  child.stderr.on("data", (chunk: Buffer) => output("stderr", chunk));
  const ended = endOf(child);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new StartError(startFault(error.message))));
    child.once("spawn", () =>
      resolve({
        id: randomUUID().replaceAll("-", "").repeat(2),
        ended,
        // As in a container: the first program is told, and what it leaves behind ends with it.
        use: () => Promise.resolve(undefined),
        signal: (name) => (name === "SIGKILL" ? signalGroup(child, name) : void child.kill(name)),
        exec: (what) => execBeside({ what, place, cwd, env, ended }),
      }),
    );
  });
}

const createFault =
  "failed to create containerd task: failed to create shim task: OCI runtime create failed: " +
  "runc create failed: unable to start container process: ";

function startFault(message: string): string {
  return `${createFault}${message}`;
}

export function missingProgram(file: string, path: string): string | undefined {
  if (!file.includes("/")) {
    const found = path.split(":").some((folder) => isProgram(join(folder, file)));
    return found ? undefined : startFault(`exec: "${file}": executable file not found in $PATH`);
  }
  return isProgram(file) ? undefined : startFault(`exec: "${file}": stat ${file}: no such file or directory`);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.once("close", (code, signal) => {
      // What it has started and left behind goes with it, as with a real container.
      signalGroup(child, "SIGKILL");
      const number = signal === null ? undefined : system.signals[signal];
      const exitCode = code ?? 128 + (number ?? 0);
      resolve({ exitCode, outOfMemory: false });
    });
    child.once("exit", () => signalGroup(child, "SIGKILL"));
  });
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It has gone.
  }
}

interface Beside {
  readonly what: Executing;
  readonly place: (text: string) => string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly ended: Promise<Ended>;
}

function execBeside({ what, place, cwd, env, ended }: Beside): Promise<Execution> {
  const [file, ...args] = what.command.map(place);
  if (file === undefined) return Promise.reject(new StartError("no command specified"));
  const missing = missingProgram(file, env["PATH"] ?? "");
  if (missing !== undefined) return Promise.reject(new StartError(missing));
  return processExecution({ file, args, cwd, env, tty: what.tty, stdin: what.stdin, ended });
}
