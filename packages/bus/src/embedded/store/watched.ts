import { Tally, type TakeNote, noteLimits } from "../notes.ts";
import type { Backend, StoreName } from "./backend.ts";
import type { GroupOutcome } from "./group.ts";

/**
 * The same backend, telling of commits that take long, fail, and work again: two looks at a clock a group.
 */
export function watchedBackend(backend: Backend, note: TakeNote): Backend {
  const watches = { log: new CommitWatch("log", note), tele: new CommitWatch("tele", note) };
  return {
    where: backend.where,
    commit(store, group, done) {
      const startedMs = performance.now();
      backend.commit(store, group, (outcome) => {
        watches[store].ended(outcome, startedMs);
        done(outcome);
      });
    },
    close: () => backend.close(),
  };
}

class CommitWatch {
  readonly #store: StoreName;
  readonly #note: TakeNote;
  readonly #slow = new Tally();
  #failed = 0;

  constructor(store: StoreName, note: TakeNote) {
    this.#store = store;
    this.#note = note;
  }

  ended(outcome: GroupOutcome, startedMs: number): void {
    const store = this.#store;
    if (!outcome.ok) {
      // Said once until it works again: what waits tries over and over.
      if (this.#failed++ === 0)
        this.#note({ kind: "commit_failed", store, message: outcome.message, full: outcome.full });
      return;
    }
    if (this.#failed > 0) this.#note({ kind: "commits_again", store, failed: this.#failed });
    this.#failed = 0;
    const nowMs = performance.now();
    if (nowMs - startedMs < noteLimits.slowCommitMs) return;
    const sum = this.#slow.add(nowMs - startedMs, nowMs);
    if (sum !== undefined)
      this.#note({ kind: "slow_commits", store, count: sum.count, worstMs: Math.round(sum.worst) });
  }
}
