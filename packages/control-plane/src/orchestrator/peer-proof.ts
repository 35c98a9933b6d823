/**
 * What clients ask for reaches a run's owner through other control planes, on the subjects on which workers
 * report. So they prove who they are: workers cannot read the row that holds their common key.
 */
import type { Table } from "@agentflow/bus";
import type { Random } from "@agentflow/host/clock";
import { AgentFlowError, type RunInput } from "@agentflow/protocol";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { RunRef } from "./run-ref.ts";

const rowKey = "peers";
const rounds = 3;

export class PeerProof {
  readonly #parts: { readonly table: Table; readonly random: Random };
  #key: Promise<string> | undefined;

  constructor(parts: { readonly table: Table; readonly random: Random }) {
    this.#parts = parts;
  }

  /** Whether only a control plane may say it: what people and programs ask for, through the API. */
  static isNeededFor({ kind }: RunInput): boolean {
    return kind === "start" || kind === "cancel" || kind === "resolve" || kind === "approval";
  }

  async of(ref: RunRef, input: RunInput): Promise<string> {
    const text = `${ref.tenant} ${ref.run} ${JSON.stringify(input)}`;
    return createHmac("sha256", await this.#known())
      .update(text)
      .digest("hex");
  }

  async holds(ref: RunRef, input: RunInput, proof: string | undefined): Promise<boolean> {
    if (proof === undefined) return false;
    if (isSame(proof, await this.of(ref, input))) return true;
    // The row was made anew when all data was lost: whoever came back first knows the new key.
    this.forget();
    return isSame(proof, await this.of(ref, input));
  }

  /** Reads the key again before it is used next. */
  forget(): void {
    this.#key = undefined;
  }

  /** Made once, by whoever comes first. An attempt that failed is not remembered. */
  #known(): Promise<string> {
    this.#key ??= this.#read().catch((error: unknown) => {
      this.forget();
      throw error;
    });
    return this.#key;
  }

  async #read(): Promise<string> {
    const { table, random } = this.#parts;
    for (let round = 0; round < rounds; round++) {
      const row = await table.get(rowKey);
      if (row !== undefined) return row.value;
      const made = Buffer.from(random.bytes(32)).toString("hex");
      if ((await table.put(rowKey, made, { expect: 0 })).ok) return made;
    }
    throw new AgentFlowError("unavailable", "the control planes' row kept changing");
  }
}

function isSame(proof: string, wanted: string): boolean {
  const [given, known] = [Buffer.from(proof), Buffer.from(wanted)];
  return given.length === known.length && timingSafeEqual(given, known);
}
