import { AgentFlowError } from "@agentflow/protocol";
import type { Talk } from "./talk.ts";

export interface Batch {
  readonly facts: unknown;
  readonly bodies: readonly string[];
}

export interface ServedStream {
  next(): Promise<Batch | undefined>;
  end(): void;
}

const streamsMax = 1_000;

/** The tails and watches of one client: it asks for each batch, so it never gets more than it reads. */
export class Streams {
  readonly #talk: Talk;
  readonly #open = new Map<number, ServedStream>();

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  open(id: number, stream: ServedStream): void {
    if (this.#open.size >= streamsMax) {
      stream.end();
      throw new AgentFlowError("limit_exceeded", "a client follows too much at once", {
        reason: "too_many_streams",
        details: { max: streamsMax },
      });
    }
    this.#open.set(id, stream);
  }

  next(id: number, stream: number): void {
    const open = this.#open.get(stream);
    if (open === undefined) return this.#talk.answer(id);
    open.next().then(
      (batch) =>
        batch === undefined ? this.#talk.answer(id) : this.#talk.answer(id, batch.facts, batch.bodies),
      (error: unknown) => this.#talk.fail(id, error),
    );
  }

  end(stream: number): void {
    this.#open.get(stream)?.end();
    this.#open.delete(stream);
  }

  close(): void {
    for (const stream of this.#open.values()) stream.end();
    this.#open.clear();
  }
}
