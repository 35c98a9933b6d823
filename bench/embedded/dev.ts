/** An installation as a developer starts it: the real `af dev` in a project folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { type Client, createClient } from "@agentflow/sdk/client";
import { NODE, ROOT, endWithUs, killPid } from "../lib/children.ts";
import { commandLine, descendants, processTable } from "../lib/process-table.ts";
import { type DevLine, parseDevLine } from "./parse-dev-line.ts";

export const afBin = path.join(ROOT, "../packages/cli/bin/run.js");
const readyWithinMsDefault = 30_000;

export interface DevOptions {
  readonly dir: string;
  /** 0: any free one. */
  readonly port?: number;
  readonly slots?: number;
  /** Further words of the command. */
  readonly words?: readonly string[];
  readonly readyWithinMs?: number;
  readonly onLine?: (line: DevLine) => void;
}

/** Starts `af dev` and waits until it says that it is ready. Throws with its last words when it does not. */
export async function startDev(options: DevOptions): Promise<Dev> {
  const { dir, port = 0, slots = 64, onLine, readyWithinMs = readyWithinMsDefault } = options;
  const errors = path.join(dir, "af-dev.stderr");
  const words = ["dev", "--json", "--port", String(port), "--slots", String(slots), ...(options.words ?? [])];
  const beganMs = performance.now();
  const stdio: ["ignore", "pipe", number] = ["ignore", "pipe", openSync(errors, "a")];
  const child = endWithUs(
    spawn(NODE, [afBin, ...words], { cwd: dir, stdio, env: { ...process.env, CI: "1" } }),
  );
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill("SIGKILL");
      reject(
        new Error(`af dev ${why}: ${said.slice(-3).join(" ")} ${readFileSync(errors, "utf8").slice(-800)}`),
      );
    };
    const timer = setTimeout(() => fail("was not ready in time"), readyWithinMs);
    const ended = (code: number | null): void => fail(`ended with ${code}`);
    child.once("exit", ended);
    const { stdout } = child;
    if (stdout === null) throw new Error("af dev has no stdout");
    const lines = createInterface({ input: stdout });
    lines.on("line", (text) => {
      const line = parseDevLine(text);
      if (line === undefined) return;
      if (said.length < 50) said.push(text);
      onLine?.(line);
      if (line.kind !== "ready" || line.url === undefined) return;
      clearTimeout(timer);
      child.off("exit", ended);
      // Two lines a run: reading them would be counted as work of whoever measures.
      if (onLine === undefined) {
        lines.close();
        stdout.resume();
      }
      resolve(new Dev(child, { url: line.url, dir, readyMs: performance.now() - beganMs }));
    });
  });
}

/** What a kill strikes: the control plane (`af dev` itself), a part below it, or every process at once. */
export type Part = "control" | "supervisor" | "runner" | "tree";

export class Dev {
  readonly url: string;
  readonly dir: string;
  /** From the start of the process to its line that says so. */
  readonly readyMs: number;
  readonly #child: ChildProcess;

  constructor(
    child: ChildProcess,
    of: { readonly url: string; readonly dir: string; readonly readyMs: number },
  ) {
    this.#child = child;
    this.url = of.url;
    this.dir = of.dir;
    this.readyMs = of.readyMs;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The worker's supervisor: no user code runs in it; runners descend from it. */
  supervisor(): number | undefined {
    return this.tree().find((pid) => /runtime\/(dist|src)\/main\.[jt]s/.test(commandLine(pid)));
  }

  /** The processes in which user code runs. */
  runners(): number[] {
    return this.tree().filter((pid) => /runtime\/(dist|src)\/runner\/main\.[jt]s/.test(commandLine(pid)));
  }

  /** Everything that belongs to this installation now, itself first. */
  tree(): number[] {
    return descendants([this.pid], processTable());
  }

  client(retryForMs = 30_000): Client {
    const token = readFileSync(path.join(this.dir, ".agentflow/token"), "utf8").trim();
    return createClient({ url: this.url, token, retryForMs });
  }

  /** As Ctrl-C does; killed when it takes longer than ten seconds. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** The processes that a kill of this part strikes. */
  pidsOf(part: Part): readonly number[] {
    if (part === "control") return [this.pid];
    if (part === "supervisor") return [this.supervisor()].flatMap((pid) => pid ?? []);
    return part === "runner" ? this.runners() : this.tree();
  }

  /** kill -9 of this part; when that is `af dev` itself, resolves once it is gone. */
  async kill(part: Part): Promise<void> {
    for (const pid of this.pidsOf(part).filter((pid) => pid !== this.pid)) killPid(pid);
    if (part === "control" || part === "tree") await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await gone;
    clearTimeout(timer);
  }
}
