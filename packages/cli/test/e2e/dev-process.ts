/** `af dev` as a process of its own: its events, its API, its signals, and what is left of it. */
import { type Client, createClient } from "@agentflow/sdk/client";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type DevEvent, parseDevEvent, parseUrl } from "./parse-dev-event.ts";
import { type ProcessInfo, processesIn, treeOf } from "./processes.ts";

export const bin = fileURLToPath(new URL("../../bin/run.js", import.meta.url));

/** Longer than the time it may take to drain. */
const endMs = 8_000;

export interface StartOptions {
  readonly args?: readonly string[];
  readonly environment?: { readonly [name: string]: string };
}

/** Starts it; it is ready once `ready` says so. */
export function startDev(dir: string, options: StartOptions = {}): Dev {
  return new Dev(dir, options);
}

export class Dev {
  readonly dir: string;
  readonly pid: number;
  readonly lines: string[] = [];
  readonly events: DevEvent[] = [];
  /** From the spawn to the line `ready`. */
  readyMs = 0;
  stderr = "";
  readonly exited: Promise<number | null>;
  readonly ready: Promise<DevEvent>;
  readonly #child: ChildProcess;
  readonly #clients: Client[] = [];
  readonly #waiting = new Set<() => void>();
  #gone = false;

  constructor(dir: string, { args = [], environment = {} }: StartOptions) {
    this.dir = dir;
    const flags = args.includes("--port") ? args : ["--port", "0", ...args];
    const words = flags.includes("--text") ? flags.filter((word) => word !== "--text") : ["--json", ...flags];
    const started = performance.now();
    this.#child = spawn(process.execPath, [bin, "dev", ...words], {
      cwd: dir,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.pid = this.#child.pid ?? -1;
    let rest = "";
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) this.#onLine(line);
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString("utf8")));
    this.exited = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        this.#gone = true;
        for (const look of this.#waiting) look();
        resolve(code);
      });
    });
    this.ready = this.next("ready").then((event) => {
      this.readyMs = performance.now() - started;
      return event;
    });
    this.ready.catch(() => {});
  }

  get url(): string {
    const ready = this.events.find(({ kind }) => kind === "ready");
    return String(ready?.["url"]);
  }

  client(url = this.url): Client {
    const token = readFileSync(path.join(this.dir, ".agentflow/token"), "utf8").trim();
    const client = createClient({ url, token });
    this.#clients.push(client);
    return client;
  }

  /** By the address that other commands find, before `ready` was said. */
  async clientByFile(): Promise<Client> {
    for (;;) {
      const url = urlIn(path.join(this.dir, ".agentflow/dev.json"));
      if (url !== undefined) return this.client(url);
      await delay(10);
    }
  }

  /** The first event of the kind behind `after` events; what was said meanwhile when it never comes. */
  async next(
    kind: string,
    of: { after?: number; where?: (event: DevEvent) => boolean; withinMs?: number } = {},
  ): Promise<DevEvent> {
    const { after = 0, where = () => true, withinMs = 25_000 } = of;
    const endMs = performance.now() + withinMs;
    for (;;) {
      const found = this.events.slice(after).find((event) => event.kind === kind && where(event));
      if (found !== undefined) return found;
      if (this.#gone || performance.now() >= endMs) throw new Error(`no event ${kind}\n${this.said()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, endMs - performance.now()));
        const look = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      });
    }
  }

  said(): string {
    return `${this.lines.slice(-30).join("\n")}\n${this.stderr}`;
  }

  tree(): ProcessInfo[] {
    return treeOf(this.pid);
  }

  get supervisor(): number {
    return only(this.tree().filter(({ command }) => /runtime\/dist\/main\.js/.test(command)));
  }

  get runners(): number[] {
    return this.tree().flatMap(({ pid, command }) => (command.includes("dist/runner/main.js") ? [pid] : []));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it. Throws when it has to be killed because it did not end by itself. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    for (const client of this.#clients.splice(0)) client.close();
    if (!this.#gone) this.signal(signal);
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      this.signal("SIGKILL");
    }, endMs);
    const code = await this.exited;
    clearTimeout(late);
    if (isLate) throw new Error(`af dev did not end within ${endMs} ms\n${this.said()}`);
    return code;
  }

  #onLine(line: string): void {
    this.lines.push(line);
    const event = parseDevEvent(line);
    if (event !== undefined) this.events.push(event);
    for (const look of this.#waiting) look();
  }
}

/** Processes of the folder that are still there after a second; none, if all is well. */
export async function leftIn(dir: string, withinMs = 1_000): Promise<readonly string[]> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const left = processesIn(dir);
    if (left.length === 0) return [];
    if (performance.now() >= endMs) return left.map(({ pid, command }) => `${pid} ${command}`);
    await delay(20);
  }
}

function urlIn(file: string): string | undefined {
  try {
    return parseUrl(readFileSync(file, "utf8"));
  } catch {
    // Not written yet.
    return undefined;
  }
}

function only(found: readonly ProcessInfo[]): number {
  const [first] = found;
  if (first === undefined) throw new Error("there is no such process");
  return first.pid;
}
