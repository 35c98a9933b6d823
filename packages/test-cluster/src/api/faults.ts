/** Weather on demand, for tests of what must live through it. */
import type { Duplex } from "node:stream";

export interface Faults {
  /** Cuts every connection that is open now, once. */
  cut(): void;
  /**
   * The next request that matches loses its connection: before anything was done, or after it was done and
   * before its answer was heard.
   */
  drop(when: "before" | "after", matches: (method: string, path: string) => boolean): void;
  /** Requests that match get this refusal, as from an admission webhook, until what is answered is called. */
  say(refusal: Refusal, matches: (method: string, path: string) => boolean): () => void;
  /** The next so many requests get this answer: 429 or 503, with Retry-After. */
  refuse(code: 429 | 503, times: number): void;
  /** Requests are taken and not answered, until `resume`. */
  stall(): void;
  resume(): void;
  /** The token is no longer good: 401 from now on. */
  expire(token: string): void;
}

export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

export class FaultState {
  readonly sockets = new Set<Duplex>();
  #refusing: { readonly code: 429 | 503; left: number } | undefined;
  #drops: {
    readonly when: "before" | "after";
    readonly matches: (method: string, path: string) => boolean;
  }[] = [];
  readonly #said = new Set<{
    readonly refusal: Refusal;
    readonly matches: (method: string, path: string) => boolean;
  }>();
  #waiting: (() => void)[] = [];
  #stalled = false;

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  refuse(code: 429 | 503, times: number): void {
    this.#refusing = { code, left: times };
  }

  stall(): void {
    this.#stalled = true;
  }

  resume(): void {
    this.#stalled = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  drop(when: "before" | "after", matches: (method: string, path: string) => boolean): void {
    this.#drops.push({ when, matches });
  }

  say(refusal: Refusal, matches: (method: string, path: string) => boolean): () => void {
    const one = { refusal, matches };
    this.#said.add(one);
    return () => this.#said.delete(one);
  }

  /** What this request is refused with, if it is. */
  saidOf(method: string, path: string): Refusal | undefined {
    return [...this.#said].find((one) => one.matches(method, path))?.refusal;
  }

  /** When this request loses its connection, if it does. */
  takeDrop(method: string, path: string): "before" | "after" | undefined {
    const index = this.#drops.findIndex((one) => one.matches(method, path));
    return index < 0 ? undefined : this.#drops.splice(index, 1)[0]?.when;
  }

  /** How this request is to be refused, if it is. */
  takeRefusal(): 429 | 503 | undefined {
    const refusing = this.#refusing;
    if (refusing === undefined || refusing.left <= 0) return undefined;
    refusing.left--;
    return refusing.code;
  }

  async passed(): Promise<void> {
    if (!this.#stalled) return;
    await new Promise<void>((go) => this.#waiting.push(go));
  }
}
