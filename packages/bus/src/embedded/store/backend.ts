import { Worker } from "node:worker_threads";
import { Committer } from "./committer.ts";
import type { DatabaseOptions } from "./database.ts";
import type { FlatGroup, GroupOutcome } from "./group.ts";

/** The files of an installation: what must survive, and what may be lost. */
export type StoreName = "log" | "tele";
export type StoreOptions = Readonly<Record<StoreName, DatabaseOptions>>;

/** Where groups are committed. One group of a store at a time; `done` is called exactly once. */
export interface Backend {
  readonly where: "main" | "thread";
  commit(store: StoreName, group: FlatGroup, done: (outcome: GroupOutcome) => void): void;
  close(): Promise<void>;
}

/** On this thread: cheapest, and right where an fsync takes a fraction of a millisecond. */
export function mainBackend(options: StoreOptions): Backend {
  const stores = { log: new Committer(options.log), tele: new Committer(options.tele) };
  return {
    where: "main",
    commit: (store, group, done) => done(stores[store].commit(group, Date.now())),
    close: async () => {
      stores.log.close();
      stores.tele.close();
    },
  };
}

export interface ThreadRequest {
  readonly store: StoreName;
  readonly group: FlatGroup;
}

export interface ThreadAnswer {
  readonly store: StoreName;
  readonly outcome: GroupOutcome;
}

/** In a thread of its own: an fsync that takes long stops nobody else. A thread that dies is replaced. */
export function threadBackend(options: StoreOptions): Backend {
  const waiting = new Map<StoreName, (outcome: GroupOutcome) => void>();
  let thread: Worker | undefined;
  let ended: Promise<void> = Promise.resolve();

  const settle = (store: StoreName, outcome: GroupOutcome): void => {
    const done = waiting.get(store);
    waiting.delete(store);
    done?.(outcome);
  };
  const start = (): Worker => {
    const worker = new Worker(threadFile(), {
      workerData: options,
      name: "agentflow-log",
      resourceLimits: { maxYoungGenerationSizeMb: 12 },
    });
    let reason = "the writer's thread ended";
    worker.on("message", (answer: ThreadAnswer) => settle(answer.store, answer.outcome));
    worker.on("error", (error) => {
      reason = `the writer's thread failed: ${error instanceof Error ? error.message : String(error)}`;
    });
    ended = new Promise((resolve) => {
      worker.on("exit", () => {
        if (thread === worker) thread = undefined;
        for (const store of waiting.keys()) {
          settle(store, { ok: false, full: false, message: reason, sqlite: 0 });
        }
        resolve();
      });
    });
    return worker;
  };

  thread = start();
  return {
    where: "thread",
    commit: (store, group, done) => {
      waiting.set(store, done);
      thread ??= start();
      thread.postMessage({ store, group } satisfies ThreadRequest);
    },
    close: async () => {
      thread?.postMessage("close");
      await ended;
    },
  };
}

function threadFile(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url);
}
