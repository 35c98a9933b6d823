/** Answers for parked runs as a person would: looks at the ledger, then says what became of the payment. */
import type { Client } from "@agentflow/sdk/client";
import { readWork } from "./ledger.ts";

export class People {
  /** Runs whose payment was said to have to be made again. */
  readonly again = new Set<string>();
  /** What `af why` said of each parked run. */
  readonly reasons = new Map<string, string>();
  readonly #ledger: string;

  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  /** True when the run waited for a person and was answered. */
  async answer(client: Client, run: string): Promise<boolean> {
    const why = await client.runs.why(run);
    const unknown = why.reasons.find(({ reason }) => reason === "outcome_unknown");
    if (unknown?.step === undefined) return false;
    this.reasons.set(run, unknown.message);
    const paid = readWork(this.#ledger).some(
      (line) => line.run === run && line.tool === "pay" && line.point === "began",
    );
    const base = { step: unknown.step };
    if (paid) await client.runs.resolve(run, { ...base, as: "done", output: { n: 4 } });
    else {
      this.again.add(run);
      await client.runs.resolve(run, { ...base, as: "retry" });
    }
    return true;
  }
}
