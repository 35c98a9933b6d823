/** Clients that start runs through one control plane, and what they were told, in a file of their own. */
import { appendFileSync } from "node:fs";
import type { RunAnswer } from "@agentflow/protocol";
import type { Client, Session } from "@agentflow/sdk/client";
import { parseOutput } from "../embedded/parse-output.ts";
import { sleep } from "../lib/children.ts";
import { payStep } from "./project.ts";
import { wasPaid } from "./ledger-file.ts";

export interface ClusterLoadOptions {
  readonly client: Client;
  /** Starts and waits over one socket instead of an exchange each. */
  readonly overSocket: boolean;
  readonly inFlight: number;
  /** Where tools leave their lines. */
  readonly ledger: string;
  /** Where clients leave theirs. */
  readonly told: string;
  readonly stepMs: number;
}

const lookEveryMs = 1_000;

export class ClusterLoad {
  readonly accepted = new Set<string>();
  readonly ended = new Set<string>();
  readonly #options: ClusterLoadOptions;
  readonly #session: Session | undefined;
  readonly #stop = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterLoadOptions) {
    this.#options = options;
    this.#session = options.overSocket ? options.client.session() : undefined;
  }

  start(): void {
    this.#loops = Promise.all(Array.from({ length: this.#options.inFlight }, () => this.#loop()));
  }

  /** Starts nothing more; false when runs were still open after `ms`. */
  async finish(ms: number): Promise<boolean> {
    this.#stop.abort();
    return Promise.race([this.#loops.then(() => true), sleep(ms).then(() => false)]);
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#one();
      } catch (error) {
        this.#tell({ complaint: error instanceof Error ? error.message : String(error) });
        await sleep(1_000);
      }
    }
  }

  async #one(): Promise<void> {
    const { client, ledger, stepMs } = this.#options;
    const run = client.newRunId();
    const input = { n: 0, ms: stepMs, file: ledger };
    if (this.#session === undefined) await client.runs.start("paid", input, { run });
    else await this.#session.start("paid", input, { run, waitMs: 0 });
    this.accepted.add(run);
    this.#tell({ run, accepted: true });
    const over = new AbortController();
    const looks = this.#resolveUnknown(run, over.signal);
    try {
      this.#tell({ run, output: parseOutput(await this.#end(run)) });
      this.ended.add(run);
    } finally {
      over.abort();
      await looks;
    }
  }

  /** Whoever waits is also told that the run waits for a person; the looks see to that. */
  async #end(run: string): Promise<RunAnswer> {
    for (;;) {
      const answer = await (this.#session ?? this.#options.client.runs).wait(run);
      const isOpen = answer.status === "running" || answer.failure?.code === "outcome_unknown";
      if (!isOpen) return answer;
      await sleep(100);
    }
  }

  /** As a person would: looks whether it was paid, and says so. */
  async #resolveUnknown(run: string, over: AbortSignal): Promise<void> {
    const { client, ledger } = this.#options;
    for (;;) {
      await sleep(lookEveryMs);
      if (over.aborted) return;
      const view = await client.runs.get(run).catch(() => undefined);
      const unknown = view?.steps.find(({ status }) => status === "unknown");
      if (unknown === undefined) continue;
      const { step } = unknown;
      const answer = wasPaid(ledger, run)
        ? { step, as: "done" as const, output: { n: payStep + 1 } }
        : { step, as: "retry" as const };
      try {
        await client.runs.resolve(run, answer);
        this.#tell({ run, resolved: answer.as });
      } catch {
        // It may have been settled meanwhile; else the next look finds it again.
      }
    }
  }

  #tell(line: object): void {
    appendFileSync(this.#options.told, `${JSON.stringify({ ...line, atMs: Date.now() })}\n`);
  }
}
