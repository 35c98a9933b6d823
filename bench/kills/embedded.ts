/** `af dev` under the matrix: one process tree on one machine. */
import { type Dev, startDev } from "../embedded/dev.ts";
import { freePort, killPid, sleep } from "../lib/children.ts";
import { type Installation, type InstallationOptions, kindAt } from "./installation.ts";
import type { Kill } from "./recovery.ts";

const threeLeasesMs = 9_500;

export async function embeddedInstallation({ project }: InstallationOptions): Promise<Installation> {
  const port = await freePort();
  const start = (): Promise<Dev> => startDev({ dir: project, port });
  return new Embedded(await start(), start);
}

class Embedded implements Installation {
  readonly kinds = ["runner", "supervisor", "control", "tree", "stopped"];
  readonly note = "af dev, embedded";
  readonly pauseMsMax = 1_200;
  readonly #start: () => Promise<Dev>;
  #dev: Dev;

  constructor(dev: Dev, start: () => Promise<Dev>) {
    this.#dev = dev;
    this.#start = start;
  }

  choose(roll: number): string {
    return kindAt(
      [
        ["runner", 40],
        ["supervisor", 25],
        ["control", 20],
        ["tree", 15],
      ],
      roll,
    );
  }

  async strike(what: string): Promise<Kill | undefined> {
    if (what === "stopped") return this.#pause();
    if (what === "runner" || what === "supervisor") {
      const pid = what === "runner" ? this.#dev.runners()[0] : this.#dev.supervisor();
      const atMs = Date.now();
      return pid !== undefined && killPid(pid) ? { what, atMs } : undefined;
    }
    const gone = this.#dev.kill(what === "tree" ? "tree" : "control");
    // The signals are sent; what the log shows from here on is recovery.
    const atMs = Date.now();
    await gone;
    this.#dev = await this.#start();
    return { what, atMs };
  }

  clients() {
    return [this.#dev.client(120_000)];
  }

  async settle(): Promise<void> {}

  async faults(): Promise<readonly string[]> {
    return [];
  }

  stop(): Promise<void> {
    return this.#dev.stop();
  }

  /** A worker that is paused until its leases are long gone, and then goes on as if nothing had been. */
  async #pause(): Promise<Kill | undefined> {
    const pid = this.#dev.supervisor();
    if (pid === undefined) return undefined;
    process.kill(pid, "SIGSTOP");
    await sleep(threeLeasesMs);
    process.kill(pid, "SIGCONT");
    return { what: "stopped", atMs: Date.now() };
  }
}
