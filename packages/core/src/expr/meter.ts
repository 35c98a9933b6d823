import { exprLimits } from "./limits.ts";
import { refusal } from "./problem.ts";

/**
 * Counts the work of one evaluation. Once spent it stays spent: `||` and `exists` may swallow the error,
 * but the evaluation still ends as `limit`.
 */
export class Meter {
  #work = 0;
  #elements = 0;
  #refusal: string | undefined;

  reset(): void {
    this.#work = 0;
    this.#elements = 0;
    this.#refusal = undefined;
  }

  get refused(): string | undefined {
    return this.#refusal;
  }

  get work(): number {
    return this.#work;
  }

  spend(work: number): void {
    if (this.#refusal !== undefined) throw refusal("limit", this.#refusal);
    this.#work += work;
    if (this.#work > exprLimits.workMax) this.refuse("the expression does too much work");
  }

  /** Charges a whole loop before it runs: `elements` rounds of `work` each. */
  loop(elements: number, work: number): void {
    this.#elements += elements;
    if (this.#elements > exprLimits.elementsMax) {
      this.refuse(`loops visit more than ${exprLimits.elementsMax} elements`);
    }
    this.spend(elements * work);
  }

  /** Charges the size of a value that a function reads or makes; only its surface, never what it holds. */
  size(value: unknown): void {
    if (typeof value === "string") this.spend(value.length >> 4);
    else if (Array.isArray(value)) this.spend(value.length >> 1);
    else if (value instanceof Uint8Array) this.spend(value.length >> 4);
    // Several times: to count them here, to find the function's overload, and to do its work.
    else if (typeof value === "object" && value !== null) this.spend(4 * Object.keys(value).length);
  }

  /** Two texts may be alike up to their end. */
  compare(left: string, right: string): void {
    this.spend(Math.min(left.length, right.length) >> 8);
  }

  text(chars: number): void {
    if (chars > exprLimits.textCharsMax) {
      this.refuse(`a text is longer than ${exprLimits.textCharsMax} characters`);
    }
    this.spend(chars >> 4);
  }

  list(items: number): void {
    if (items > exprLimits.listItemsMax) this.refuse(`a list has more than ${exprLimits.listItemsMax} items`);
    this.spend(items >> 1);
  }

  /** An error that the expression survives still cost the making of its message and stack. */
  failure(): void {
    this.spend(400);
  }

  refuse(why: string): never {
    this.#refusal ??= why;
    throw refusal("limit", why);
  }
}
