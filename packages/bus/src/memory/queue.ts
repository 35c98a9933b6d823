import { checkPeek, checkTake, checkTasks } from "../port/check.ts";
import type { Delivery, Queue, TakeOptions } from "../port/index.ts";
import { Bell } from "./bell.ts";
import { isCurrent, type Lease, type Taker } from "./lease.ts";
import { gone, type Link } from "./link.ts";
import type { QueueState } from "./queue-state.ts";

export function memoryQueue(state: QueueState, link: Link): Queue {
  return {
    epoch: () => link.call("read", () => state.epoch),
    push: async (tasks) => {
      checkTasks(tasks);
      return link.call("push", () => state.push(tasks));
    },
    take: (options) => take(state, link, options),
    revoke: (ids) => link.call("revoke", () => state.revoke(ids)),
    depth: () => link.call("read", () => state.depth()),
    peek: async (options) => {
      checkPeek(options);
      return link.call("read", () => state.peek(options));
    },
  };
}

async function* take(state: QueueState, link: Link, options: TakeOptions): AsyncGenerator<Delivery> {
  checkTake(options);
  const { signal } = options;
  const bell = new Bell();
  const taker: Taker = { link, options, bell, held: new Set(), inbox: [], open: true, servedAt: 0 };
  const leave = (): void => {
    state.leave(taker, link.up);
    bell.ring();
  };
  link.requireAlive();
  const stream = link.open(bell);
  signal.addEventListener("abort", leave);
  try {
    if (signal.aborted) return;
    await link.call("take", () => taker.open && state.enter(taker));
    while (!signal.aborted) {
      if (stream.cut) throw gone(`the connection of ${link.name} to the queue was lost`);
      const lease = link.up ? taker.inbox.shift() : undefined;
      if (lease === undefined) await bell.wait();
      else if (isCurrent(lease)) yield handle(state, link, lease);
    }
  } finally {
    signal.removeEventListener("abort", leave);
    state.leave(taker, link.up && !stream.cut);
    link.shut(bell);
  }
}

function handle(state: QueueState, link: Link, lease: Lease): Delivery {
  lease.handed = true;
  const { id, subject, body } = lease.item;
  return {
    id,
    subject,
    body,
    delivery: lease.delivery,
    lost: lease.lost.signal,
    reporting: () => {
      // Said, not asked: a client that is cut off is not heard.
      if (link.up) state.reporting(lease);
    },
    ack: () => link.call("ack", () => state.ack(lease)),
    release: (delayMs) => link.call("ack", () => state.release(lease, delayMs)),
    extend: () => link.call("extend", () => state.extend(lease)),
    bury: (reason) => link.call("ack", () => state.bury(lease, reason)),
  };
}
