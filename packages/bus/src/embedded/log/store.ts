import { isSubject } from "@agentflow/protocol";
import type { LogEntry } from "../../port/index.ts";
import type { Backend, StoreName } from "../store/backend.ts";
import { write } from "../store/group.ts";
import { GroupWriter, type Write } from "../store/writer.ts";
import { Feed } from "./feed.ts";
import { Reader } from "./reader.ts";

/** One file as the ports use it: who writes it, who reads it, and who is told what was written. */
export interface Store {
  readonly writer: GroupWriter;
  readonly reader: Reader;
  readonly feed: Feed;
}

export interface StoreHooks {
  committed?(writes: readonly Write[], results: readonly number[]): void;
  failed?(): void;
}

const readCacheKiB = 2_048;

/** Tails hear of a commit before those who wrote it. */
export function openStore(of: { backend: Backend; name: StoreName; path: string }, hooks: StoreHooks): Store {
  const feed = new Feed();
  const writer = new GroupWriter(of.backend, of.name, {
    committed: (writes, results, atMs) => {
      if (feed.isWatched) feed.committed(entriesOf({ writes, results, atMs }));
      hooks.committed?.(writes, results);
    },
    failed: () => {
      feed.failed();
      hooks.failed?.();
    },
  });
  return { writer, reader: new Reader(of.path, readCacheKiB), feed };
}

interface Group {
  readonly writes: readonly Write[];
  readonly results: readonly number[];
  readonly atMs: number;
}

function entriesOf({ writes, results, atMs }: Group): LogEntry[] {
  const entries: LogEntry[] = [];
  let at = 0;
  for (const { code, key, text } of writes) {
    const revision = results[at++] ?? -1;
    if (code !== write.append || revision < 0 || !isSubject(key)) continue;
    entries.push({ subject: key, revision, body: text ?? "", atMs });
  }
  return entries;
}
