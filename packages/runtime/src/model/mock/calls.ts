/** What a mock server was asked: counted for ever, kept for a while. */
export interface MockCall {
  /** From 1. */
  readonly n: number;
  readonly dialect: string;
  readonly path: string;
  readonly model: string;
  readonly stream: boolean;
  readonly key: string;
  /** The rule that answered; absent when the request never reached the script. */
  readonly rule?: string;
  /** `left`: the asker went before the end. */
  readonly outcome: "replied" | "failed" | "hung" | "cut" | "left" | "embedded" | "listed";
  readonly status: number;
  /** Of a failure: what was said, cut. */
  readonly why?: string;
  readonly turn?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** The beginning of the last message of the user. */
  readonly message?: string;
}

export const callsKeptMax = 1_000;

export class Calls {
  #count = 0;
  readonly #kept: MockCall[] = [];
  readonly #byOutcome = new Map<string, number>();

  next(): number {
    this.#count += 1;
    return this.#count;
  }

  add(call: MockCall): void {
    this.#kept.push(call);
    if (this.#kept.length > callsKeptMax) this.#kept.shift();
    this.#byOutcome.set(call.outcome, (this.#byOutcome.get(call.outcome) ?? 0) + 1);
  }

  get count(): number {
    return this.#count;
  }

  /** In the order in which they ended. */
  get kept(): readonly MockCall[] {
    return this.#kept;
  }

  get byOutcome(): { readonly [outcome: string]: number } {
    return Object.fromEntries(this.#byOutcome);
  }
}
