/** A nats-server for one `af dev`: found on this machine, with its data in the project, ended with us. */
import { AgentFlowError } from "@agentflow/protocol";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type Ports, parsePorts } from "./parse-lines.ts";

export interface LocalNats {
  readonly url: string;
  /** Where it says how it is. */
  readonly monitor: string;
  readonly user: string;
  readonly passwordFile: string;
  /** Settles when the server has ended by itself, with how. */
  readonly died: Promise<string>;
  close(): Promise<void>;
}

const oldest = [2, 12] as const;
const readyWithinMs = 10_000;
const endWithinMs = 5_000;
const user = "agentflow";

/** Throws `unavailable` when there is none that is new enough, or when it does not start. */
export async function startLocalNats(folder: string): Promise<LocalNats> {
  const program = await findProgram();
  const { config, passwordFile } = prepare(folder);
  const child = spawn(program, ["-c", config], {
    stdio: ["ignore", "ignore", "pipe"],
    // Ctrl-C at the terminal is ours: the bus is needed until the last run has reported.
    detached: true,
  });
  const said = lastWords(child);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
  });
  const stopReaper = reap(child.pid ?? 0);
  const { url, monitor } = await readyAt(folder, { child, said });
  let closing = false;
  const died = ended.then((how) => (closing ? new Promise<never>(() => undefined) : how));
  const close = async (): Promise<void> => {
    closing = true;
    child.kill("SIGTERM");
    const late = delay(endWithinMs).then(() => child.kill("SIGKILL"));
    await Promise.race([ended, late]);
    stopReaper();
  };
  return { url, monitor, user, passwordFile, died, close };
}

async function findProgram(): Promise<string> {
  const program = process.env["AF_NATS_SERVER"] ?? "nats-server";
  const found = await promisify(execFile)(program, ["--version"]).then(
    ({ stdout }) => /v(\d+)\.(\d+)\.(\d+)/.exec(stdout),
    () => null,
  );
  if (found === null) throw noServer(`there is no ${program} on this machine`);
  const [version = "", major = "0", minor = "0"] = found;
  const ahead = Number(major) - oldest[0];
  if (ahead > 0 || (ahead === 0 && Number(minor) >= oldest[1])) return program;
  throw noServer(`${program} is ${version}, and ${oldest.join(".")} is the oldest that will do`);
}

/** Made anew at each start, the data apart: the password is no older than the process that knows it. */
function prepare(folder: string): { readonly config: string; readonly passwordFile: string } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const password = randomBytes(24).toString("hex");
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const config = path.join(folder, "server.conf");
  const lines = [
    'host: "127.0.0.1"',
    "port: -1",
    'http: "127.0.0.1:-1"',
    `ports_file_dir: ${JSON.stringify(folder)}`,
    // A body of the full 1 MiB and its headers.
    "max_payload: 2MB",
    `authorization { user: ${user}, password: "${password}" }`,
    `jetstream { store_dir: ${JSON.stringify(path.join(folder, "data"))} }`,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`, { mode: 0o600 });
  return { config, passwordFile };
}

async function readyAt(
  folder: string,
  of: { readonly child: ChildProcess; readonly said: () => string },
): Promise<Ports> {
  const { child, said } = of;
  const file = path.join(folder, `nats-server_${child.pid ?? 0}.ports`);
  for (const until = performance.now() + readyWithinMs; performance.now() < until; ) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) break;
    const ports = readPorts(file);
    if (ports !== undefined) {
      rmSync(file, { force: true });
      return ports;
    }
    await delay(10);
  }
  child.kill("SIGKILL");
  throw noServer(`nats-server did not start: ${said()}`);
}

function readPorts(file: string): Ports | undefined {
  try {
    return parsePorts(readFileSync(file, "utf8"));
  } catch {
    // Not there yet, or half written.
    return undefined;
  }
}

function lastWords(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-400);
  });
  return () => text.trim().split("\n").at(-1) ?? "";
}

/** A shell that waits on a pipe from us and then ends the server: also when we were killed with -9. */
function reap(pid: number): () => void {
  const reaper = spawn("/bin/sh", ["-c", `read _; kill -TERM ${pid} 2>/dev/null`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  reaper.on("error", () => {});
  reaper.stdin?.on("error", () => {});
  reaper.unref();
  return () => reaper.stdin?.end();
}

function noServer(message: string): AgentFlowError {
  return new AgentFlowError("unavailable", message, {
    reason: "no_nats_server",
    suggestions: [
      `install nats-server ${oldest.join(".")} or newer, or name it: AF_NATS_SERVER=/path/to/nats-server`,
      "use one that runs: af dev --bus nats://HOST:4222",
      "af dev without --bus needs no server",
    ],
  });
}
