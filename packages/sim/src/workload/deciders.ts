/** People who answer what runs ask: soon or late, twice, by the hash of something else, or never. */
import type { SeededRandom } from "@agentflow/host/virtual";
import type { ApprovalView, RunId } from "@agentflow/protocol";
import type { Client } from "../house/client.ts";
import { chance } from "./generate.ts";

export interface DecidersOptions {
  readonly dice: SeededRandom;
  readonly client: (name: string) => Client;
  readonly inputId: () => string;
  /** Within a moment, counted as somebody who is busy. */
  readonly later: (act: () => Promise<void>, afterMs?: number) => void;
}

export class Deciders {
  private readonly options: DecidersOptions;

  constructor(options: DecidersOptions) {
    this.options = options;
  }

  /** Somebody looks at what the run asks, a few times. */
  watch(run: RunId): void {
    for (const round of [0, 1, 2, 3]) this.options.later(() => this.look(run), round * 1_500);
  }

  async look(run: RunId): Promise<void> {
    const { dice, client } = this.options;
    const name = `decider-${run.slice(-4)}`;
    for (const approval of await client(name).openApprovals(run)) {
      if (chance(dice, 25)) continue;
      if (chance(dice, 10)) await this.decide(name, { approval, hash: "0".repeat(64) });
      await this.decide(name, { approval, hash: approval.hash });
      // Somebody else comes later, with an opinion of their own.
      if (chance(dice, 20)) {
        this.options.later(() => this.decide(`${name}-late`, { approval, hash: approval.hash }));
      }
    }
  }

  private async decide(name: string, of: { approval: ApprovalView; hash: string }): Promise<void> {
    const { dice, client, inputId } = this.options;
    const { approval, hash } = of;
    const approve = chance(dice, 75);
    await client(name).decide(approval, { input: inputId(), hash, approve, by: name });
  }
}
