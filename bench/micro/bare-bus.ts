/**
 * The least that an engine needs of a bus, in this process and without durability: what remains is the
 * engine.
 */
import type {
  Bus,
  Delivery,
  Log,
  LogEntry,
  Queue,
  QueuedTask,
  Row,
  RowChange,
  Table,
  Wire,
} from "@agentflow/bus";
import { isSubject } from "@agentflow/protocol";

/** Keeps nothing that was read: a log that grew in this heap would be measured with the engine. */
export function bareBus(): Bus {
  const blobs = new Map<string, Uint8Array>();
  return {
    kind: "memory",
    durability: "none",
    sizes: async () => [],
    closed: new Promise(() => undefined),
    close: async () => undefined,
    log: bareLog(),
    queue: bareQueue(),
    table: bareTable(),
    wire: bareWire(),
    blobs: {
      put: async (key, bytes) => void blobs.set(key, bytes),
      get: async (key) => blobs.get(key),
      delete: async (key) => void blobs.delete(key),
      list: async (prefix) => [...blobs.keys()].filter((key) => key.startsWith(prefix)).toSorted(),
    },
  };
}

/** Wakes one reader; the abort of its signal does so too, heard once for all its waits. */
class Bell {
  private wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.ring(), { once: true });
  }

  ring(): void {
    this.wake();
  }

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

function bareLog(): Log {
  let unread: LogEntry[] = [];
  let bell: Bell | undefined;
  const lasts = new Map<string, number>();
  let revision = 0;
  let turn: Promise<void> | undefined;
  /** As a disk would: everything of one turn is answered together, in the next. */
  const nextTurn = (): Promise<void> => {
    turn ??= new Promise((resolve) =>
      setImmediate(() => {
        turn = undefined;
        bell?.ring();
        resolve();
      }),
    );
    return turn;
  };
  return {
    lanes: 1,
    async append(subject, body, { expect }) {
      await nextTurn();
      const last = lasts.get(subject) ?? 0;
      if (expect !== "any" && expect !== last) return { ok: false, reason: "wrong_revision", revision: last };
      revision++;
      // The second commit of a run of one step is its last: nobody appends to it again.
      if (last === 0) lasts.set(subject, revision);
      else lasts.delete(subject);
      unread.push({ subject, revision, body, atMs: 0 });
      return { ok: true, revision };
    },
    read: async () => [],
    async *subjects() {},
    async *tail({ filter, signal }) {
      const own = new Bell(signal);
      const isLog = filter.some((one) => one.startsWith("af.log."));
      if (isLog) bell = own;
      while (!signal.aborted) {
        const batch = isLog ? unread : [];
        if (isLog) unread = [];
        if (batch.length > 0) yield batch;
        else await own.wait();
      }
    },
    head: async () => 0,
    heads: async () => [0],
    purge: async () => undefined,
  };
}

function bareQueue(): Queue {
  let take: ((task: QueuedTask) => void) | undefined;
  return {
    epoch: async () => "1",
    peek: async () => [],
    async push(tasks) {
      for (const task of tasks) take?.(task);
      return tasks.map(() => ({ ok: true }));
    },
    async *take({ signal }) {
      const bell = new Bell(signal);
      let waiting: QueuedTask[] = [];
      take = (task) => {
        waiting.push(task);
        bell.ring();
      };
      while (!signal.aborted) {
        const tasks = waiting;
        waiting = [];
        for (const task of tasks) yield deliveryOf(task, signal);
        if (tasks.length === 0) await bell.wait();
      }
    },
    revoke: async () => undefined,
    depth: async () => [],
  };
}

function deliveryOf(task: QueuedTask, lost: AbortSignal): Delivery {
  const yes = async (): Promise<boolean> => true;
  const reporting = (): void => undefined;
  return { ...task, delivery: 1, lost, reporting, ack: yes, release: yes, extend: yes, bury: yes };
}

function bareTable(): Table {
  const rows = new Map<string, Row>();
  let revision = 0;
  const list = async (prefix: string): Promise<readonly Row[]> =>
    [...rows.values()].filter(({ key }) => key.startsWith(prefix));
  return {
    get: async (key) => rows.get(key),
    async put(key, value) {
      rows.set(key, { key, value, revision: ++revision });
      return { ok: true, revision };
    },
    async delete(key) {
      rows.delete(key);
      return { ok: true, revision: ++revision };
    },
    list,
    async *watch(prefix, signal): AsyncIterable<readonly RowChange[]> {
      const bell = new Bell(signal);
      yield await list(prefix);
      await bell.wait();
    },
  };
}

function bareWire(): Wire {
  type Handler = Parameters<Wire["serve"]>[1];
  const servers = new Map<string, Handler>();
  return {
    async request(subject, body) {
      const serve = servers.get(subject.slice(0, "af.in.00.".length));
      if (serve === undefined || !isSubject(subject)) throw new Error(`nobody serves ${subject}`);
      return serve(body, subject);
    },
    async serve(subject, handler) {
      servers.set(subject, handler);
      return { stop: async () => void servers.delete(subject) };
    },
    publish: () => undefined,
    subscribe: async () => ({ stop: async () => undefined }),
  };
}
