/** Control planes and workers, each a process of its own that knows all three nodes. */
import { type ChildProcess, execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type Client, createClient } from "@agentflow/sdk/client";
import { afBin } from "../embedded/dev.ts";
import { NODE, freePort, retry, start, stop } from "../lib/children.ts";

const execute = promisify(execFile);
const restartMs = 1_000;

export interface ServiceOptions {
  readonly dir: string;
  /** Addresses of all nodes, with commas. */
  readonly bus: string;
}

/** One that can be killed, stopped in time and started again under its name. */
export abstract class Service {
  readonly name: string;
  protected readonly options: ServiceOptions;
  /** How often it ended by itself and was started again, as systemd would do it. */
  revived = 0;
  #child: ChildProcess | undefined;

  constructor(name: string, options: ServiceOptions) {
    this.name = name;
    this.options = options;
  }

  protected abstract words(): readonly string[];
  protected abstract env(): { readonly [name: string]: string };

  start(): void {
    const { dir } = this.options;
    const env = { CI: "1", ...this.env() };
    const child = start(dir, this.name, NODE, [afBin, ...this.words()], { env });
    this.#child = child;
    child.once("exit", () => {
      if (this.#child !== child) return;
      this.revived++;
      setTimeout(() => (this.#child === child ? this.start() : undefined), restartMs);
    });
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await stop(child, signal, 45_000);
  }

  /** Time stands still for it until the result is called. */
  freeze(): () => void {
    const child = this.#child;
    child?.kill("SIGSTOP");
    return () => void child?.kill("SIGCONT");
  }
}

export class ControlPlane extends Service {
  readonly port: number;
  /** A module that is loaded before the program, to break it on purpose. */
  readonly #preload: string | undefined;

  private constructor(name: string, options: ServiceOptions, of: { port: number; preload?: string }) {
    super(name, options);
    this.port = of.port;
    this.#preload = of.preload;
  }

  static async make(name: string, options: ServiceOptions & { preload?: string }): Promise<ControlPlane> {
    const { preload } = options;
    const port = await freePort();
    return new ControlPlane(name, options, preload === undefined ? { port } : { port, preload });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get token(): string {
    return readFileSync(path.join(this.#state, "token"), "utf8").trim();
  }

  /** Rejects after a minute. */
  async whenReady(): Promise<void> {
    await retry(async () => {
      const answer = await fetch(`${this.url}/readyz`);
      if (!answer.ok || !existsSync(path.join(this.#state, "token")))
        throw new Error(`${this.name} is not ready`);
    }, 60_000);
  }

  client(retryForMs: number): Client {
    return createClient({ url: this.url, token: this.token, retryForMs });
  }

  /** Once a worker has told what it can run. */
  async register(project: string): Promise<void> {
    const client = this.client(60_000);
    await retry(async () => {
      const { items } = await client.tools.list();
      if (items.length === 0) throw new Error("no worker has told of its tools yet");
    }, 60_000);
    client.close();
    const env = { ...process.env, AF_TOKEN: this.token };
    await execute(NODE, [afBin, "workflow", "register", "-C", project, "--url", this.url], { env });
  }

  get #state(): string {
    return path.join(this.options.dir, `${this.name}-state`);
  }

  protected words(): readonly string[] {
    const { bus } = this.options;
    const where = ["--bus", bus, "--state", this.#state, "--port", String(this.port)];
    return ["server", ...where, "--node", this.name, "--replicas", "3"];
  }

  protected env(): { readonly [name: string]: string } {
    return this.#preload === undefined ? {} : { NODE_OPTIONS: `--import=${this.#preload}` };
  }
}

export class WorkerService extends Service {
  readonly #project: string;

  constructor(name: string, options: ServiceOptions & { readonly project: string }) {
    super(name, options);
    this.#project = options.project;
  }

  protected words(): readonly string[] {
    return ["worker", "-C", this.#project, "--bus", this.options.bus, "--slots", "16", "--name", this.name];
  }

  protected env(): { readonly [name: string]: string } {
    // Shorter than usual, so that what a killed worker held comes again while others are still at fault.
    return { AF_WORKER__LEASEMS: "8000" };
  }
}
