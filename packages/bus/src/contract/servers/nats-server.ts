/** One nats-server of a test: on a free loopback port, with a scratch folder, ended by its id. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findNatsServer } from "./find-nats.ts";

export interface NatsServerOptions {
  /** `always`, or a duration such as `2m` (the server's own default). */
  readonly syncInterval?: string;
  /** Further lines of the configuration. */
  readonly config?: string;
  /** Where its data lies, for who gives it a disk of its own; a scratch folder when left out. */
  readonly data?: string;
  /** How much of it there may be; what the server finds free when left out. */
  readonly maxFileStore?: string;
}

export interface NatsServer {
  readonly url: string;
  /** Where its monitor answers: `http://127.0.0.1:…`. */
  readonly monitor: string;
  readonly pid: number;
  /** Ends it: `SIGTERM` waits for an orderly end, `SIGKILL` does not ask. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it again on the same port, with its data or with none. */
  start(data: "kept" | "empty"): Promise<void>;
  /** Stops time for it, as a machine that hangs would. */
  freeze(): void;
  thaw(): void;
  /** Ends it and removes its data; more than once is harmless. */
  close(): Promise<void>;
}

const readyWithinMs = 10_000;

export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = new Running(await findNatsServer(), await freePorts(2), options);
  await server.start("kept");
  return server;
}

class Running implements NatsServer {
  readonly url: string;
  readonly monitor: string;
  readonly #path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "agentflow-nats-"));
  readonly #data: string;
  readonly #config: string;
  #child: ChildProcess | undefined;
  #isClosed = false;

  constructor(path: string, [port = 0, monitorPort = 0]: readonly number[], options: NatsServerOptions) {
    this.#path = path;
    this.#data = options.data ?? join(this.#folder, "data");
    this.url = `nats://127.0.0.1:${port}`;
    this.monitor = `http://127.0.0.1:${monitorPort}`;
    this.#config = [
      `listen: "127.0.0.1:${port}"`,
      `http: "127.0.0.1:${monitorPort}"`,
      // A body of the full 1 MiB and its headers.
      "max_payload: 2MB",
      "jetstream {",
      `  store_dir: ${JSON.stringify(this.#data)}`,
      `  sync_interval: ${JSON.stringify(options.syncInterval ?? "2m")}`,
      "  max_memory_store: 1GB",
      ...(options.maxFileStore === undefined ? [] : [`  max_file_store: ${options.maxFileStore}`]),
      "}",
      options.config ?? "",
    ].join("\n");
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(data: "kept" | "empty"): Promise<void> {
    if (this.#isClosed) throw new Error("this server was closed");
    if (data === "empty") rmSync(this.#data, { recursive: true, force: true });
    const file = join(this.#folder, "server.conf");
    writeFileSync(file, this.#config);
    const child = spawn(this.#path, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    await ready(child, this.monitor);
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
    child.kill(signal);
    // One that was frozen hears nothing else.
    child.kill("SIGCONT");
    await ended;
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.end("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function ready(child: ChildProcess, monitor: string): Promise<void> {
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-4_000);
  });
  const until = Date.now() + readyWithinMs;
  while (Date.now() < until) {
    if (child.exitCode !== null) break;
    const answer = await fetch(`${monitor}/healthz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(15);
  }
  child.kill("SIGKILL");
  throw new Error(`nats-server did not become ready:\n${said}`);
}

/** Ports that were free a moment ago; asked for together, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(typeof address === "object" && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))),
  );
  return ports;
}
