/** The least that an engine needs of a bus, in this process and without durability: what remains is the engine. */
import type { Bus, Delivery, LogEntry, QueuedTask, RowChange } from "@agentflow/bus";

export function bareBus(): Bus {
  /** What no tail has read yet, nothing older: a log that grew in this heap would be measured with the engine. */
  let entries: LogEntry[] = [];
  const lasts = new Map<string, number>();
  const rows = new Map<string, { value: string; revision: number }>();
  const blobs = new Map<string, Uint8Array>();
  const servers = new Map<string, (body: string, subject: never) => Promise<string>>();
  const takers: ((task: QueuedTask) => void)[] = [];
  const bells = new Set<() => void>();
  let revision = 0;
  /** As a disk would: everything of one turn is answered together, in the next. */
  let turn: Promise<void> | undefined;
  const nextTurn = (): Promise<void> => {
    turn ??= new Promise((resolve) =>
      setImmediate(() => {
        turn = undefined;
        resolve();
      }),
    );
    return turn;
  };
  const never = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const bus: Bus = {
    kind: "memory",
    durability: "none",
    closed: new Promise(() => undefined),
    close: async () => undefined,
    log: {
      async append(subject, body, { expect }) {
        await nextTurn();
        const last = lasts.get(subject) ?? 0;
        if (expect !== "any" && expect !== last)
          return { ok: false, reason: "wrong_revision", revision: last };
        const entry = { subject, revision: ++revision, body, atMs: 0 };
        lasts.set(subject, revision);
        // Both commits of a run of one step: it has ended, and nobody appends to it again.
        if (last !== 0) lasts.delete(subject);
        entries.push(entry);
        for (const bell of bells) bell();
        return { ok: true, revision: entry.revision };
      },
      read: async (subject, { after = 0 } = {}) =>
        (bySubject.get(subject) ?? []).filter((e) => e.revision > after),
      async *tail({ filter, signal, after }) {
        let at = entries.findIndex((entry) => entry.revision > after);
        if (at < 0) at = entries.length;
        while (!signal.aborted) {
          const batch = entries
            .slice(at)
            .filter(({ subject }) => filter.some((one) => subject.startsWith(one)));
          at = entries.length;
          if (batch.length > 0) yield batch;
          else
            await new Promise<void>((resolve) => {
              const bell = (): void => {
                bells.delete(bell);
                setImmediate(resolve);
              };
              bells.add(bell);
              signal.addEventListener("abort", bell, { once: true });
            });
        }
      },
      head: async () => 0,
      purge: async () => undefined,
    },
    queue: {
      epoch: async () => "1",
      async push(tasks) {
        for (const task of tasks) takers[0]?.(task);
        return tasks.map(() => ({ ok: true }));
      },
      async *take({ signal }) {
        const waiting: QueuedTask[] = [];
        let bell: () => void = () => undefined;
        takers.push((task) => {
          waiting.push(task);
          bell();
        });
        while (!signal.aborted) {
          const task = waiting.shift();
          if (task !== undefined) yield deliveryOf(task, signal);
          else
            await new Promise<void>((resolve) => {
              bell = resolve;
              signal.addEventListener("abort", () => resolve(), { once: true });
            });
        }
      },
      revoke: async () => undefined,
      depth: async () => [],
    },
    table: {
      get: async (key) => rowOf(rows, key),
      async put(key, value) {
        rows.set(key, { value, revision: ++revision });
        return { ok: true, revision };
      },
      async delete(key) {
        rows.delete(key);
        return { ok: true, revision: ++revision };
      },
      list: async (prefix) =>
        [...rows.keys()].filter((key) => key.startsWith(prefix)).flatMap((k) => rowOf(rows, k) ?? []),
      async *watch(prefix, signal): AsyncIterable<readonly RowChange[]> {
        yield await bus.table.list(prefix);
        await never(signal);
      },
    },
    blobs: {
      put: async (key, bytes) => void blobs.set(key, bytes),
      get: async (key) => blobs.get(key),
      delete: async (key) => void blobs.delete(key),
      list: async (prefix) => [...blobs.keys()].filter((key) => key.startsWith(prefix)).toSorted(),
    },
    wire: {
      async request(subject, body) {
        const serve = servers.get(subject.slice(0, "af.in.00.".length));
        if (serve === undefined) throw new Error("nobody serves");
        return await serve(body, subject as never);
      },
      async serve(subject, handler) {
        servers.set(subject, handler);
        return { stop: async () => void servers.delete(subject) };
      },
      publish: () => undefined,
      subscribe: async () => ({ stop: async () => undefined }),
    },
  };
  return bus;
}

function rowOf(rows: ReadonlyMap<string, { value: string; revision: number }>, key: string) {
  const row = rows.get(key);
  return row === undefined ? undefined : { key, ...row };
}

function deliveryOf(task: QueuedTask, lost: AbortSignal): Delivery {
  const yes = async (): Promise<boolean> => true;
  return { ...task, delivery: 1, lost, ack: yes, release: yes, extend: yes, bury: yes };
}
