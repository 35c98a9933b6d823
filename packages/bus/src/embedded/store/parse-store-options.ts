import type { StoreOptions } from "./backend.ts";

/** What `threadBackend` gave its thread: the same program wrote it, so the type is all there is to say. */
export function parseStoreOptions(workerData: unknown): StoreOptions {
  return workerData as StoreOptions;
}
