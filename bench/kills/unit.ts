/** A service that is started again whenever it ends, as its systemd unit would have it. */
import type { ChildProcess } from "node:child_process";
import { NODE, sleep, start, stop } from "../lib/children.ts";
import { afBin } from "../embedded/dev.ts";

export interface UnitOptions {
  readonly dir: string;
  readonly name: string;
  readonly command: string;
  readonly words: readonly string[];
  readonly env?: { readonly [name: string]: string };
}

/** RestartSec of our units. */
const restartAfterMs = 1_000;

export class Unit {
  readonly name: string;
  /** Ends that nobody here caused, each a sentence. */
  readonly faults: string[] = [];
  readonly #options: UnitOptions;
  #child: ChildProcess | undefined;
  #isStruck = false;
  #isStopping = false;

  constructor(options: UnitOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** `af WORDS` under the Node that measures. */
  static af(of: Omit<UnitOptions, "command">): Unit {
    return new Unit({ ...of, command: NODE, words: [afBin, ...of.words], env: { CI: "1", ...of.env } });
  }

  /** Undefined while it is down. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { dir, name, command, words, env = {} } = this.#options;
    const child = start(dir, name, command, words, { env });
    this.#child = child;
    child.once("exit", (code, signal) => {
      this.#child = undefined;
      if (this.#isStopping) return;
      if (!this.#isStruck) this.faults.push(`${name} ended by itself (${code ?? signal})`);
      this.#isStruck = false;
      void sleep(restartAfterMs).then(() => (this.#isStopping ? undefined : this.start()));
    });
  }

  /** False when it is down already. */
  strike(signal: "SIGKILL" | "SIGTERM"): boolean {
    const child = this.#child;
    if (child === undefined || this.#isStruck) return false;
    this.#isStruck = true;
    return child.kill(signal);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await stop(this.#child, "SIGTERM", 10_000);
  }
}
