/** `af server` and `af worker` as processes: their lines, their signals, how they ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { type DevEvent, parseDevEvent } from "./parse-dev-event.ts";
import { bin } from "./dev-process.ts";
import { until } from "./opened.ts";

const endWithinMs = 8_000;

export class Service {
  readonly lines: DevEvent[] = [];
  readonly exited: Promise<number | null>;
  stderr = "";
  readonly #child: ChildProcess;
  #gone = false;

  constructor(words: readonly string[], cwd: string, environment: { readonly [name: string]: string } = {}) {
    this.#child = spawn(process.execPath, [bin, ...words], {
      cwd,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let rest = "";
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const line = parseDevEvent(part);
        if (line !== undefined) this.lines.push(line);
      }
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString("utf8")));
    this.exited = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        this.#gone = true;
        resolve(code);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The first line that says so, with its fields. */
  async said(message: string, withinMs = 20_000): Promise<{ readonly [field: string]: unknown }> {
    const find = (): DevEvent | undefined => this.lines.find((line) => line["message"] === message);
    await until(`"${message}" is said`, () => find() !== undefined || this.#gone, withinMs);
    const line = find();
    if (line === undefined) throw new Error(`ended before "${message}": ${this.stderr} ${this.#last()}`);
    const { fields } = line;
    return typeof fields === "object" && fields !== null ? { ...fields } : {};
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    if (this.#gone) return;
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), endWithinMs);
    await this.exited;
    clearTimeout(late);
  }

  #last(): string {
    return JSON.stringify(this.lines.slice(-3));
  }
}
