/** A bus as one process has it: whatever it answers or brings waits while the process does not run. */
import type { Bus, Delivery, Queue, Wire } from "@agentflow/bus";
import type { SimProcess } from "./process.ts";

export function processBus(bus: Bus, process: SimProcess): Bus {
  const { log, table, blobs } = bus;
  return {
    kind: bus.kind,
    durability: bus.durability,
    log: {
      lanes: log.lanes,
      append: (subject, body, options) => process.pass(log.append(subject, body, options)),
      read: (subject, options) => process.pass(log.read(subject, options)),
      tail: (options) => heard(log.tail(options), process),
      head: (prefix) => process.pass(log.head(prefix)),
      heads: () => process.pass(log.heads()),
      subjects: (prefix) => heard(log.subjects(prefix), process),
      purge: (subject, options) => process.pass(log.purge(subject, options)),
    },
    queue: processQueue(bus.queue, process),
    table: {
      get: (key) => process.pass(table.get(key)),
      put: (key, value, options) => process.pass(table.put(key, value, options)),
      delete: (key, options) => process.pass(table.delete(key, options)),
      list: (prefix) => process.pass(table.list(prefix)),
      watch: (prefix, signal) => heard(table.watch(prefix, signal), process),
    },
    blobs: {
      put: (key, bytes) => process.pass(blobs.put(key, bytes)),
      get: (key) => process.pass(blobs.get(key)),
      delete: (key) => process.pass(blobs.delete(key)),
      list: (prefix, options) => process.pass(blobs.list(prefix, options)),
    },
    wire: processWire(bus.wire, process),
    sizes: () => process.pass(bus.sizes()),
    closed: process.pass(bus.closed),
    close: () => bus.close(),
  };
}

function processQueue(queue: Queue, process: SimProcess): Queue {
  return {
    epoch: () => process.pass(queue.epoch()),
    push: (tasks) => process.pass(queue.push(tasks)),
    take: (options) => deliveries(queue.take(options), process),
    revoke: (ids) => process.pass(queue.revoke(ids)),
    depth: () => process.pass(queue.depth()),
    peek: (options) => process.pass(queue.peek(options)),
  };
}

async function* deliveries(source: AsyncIterable<Delivery>, process: SimProcess): AsyncGenerator<Delivery> {
  for await (const delivery of heard(source, process)) {
    const lost = new AbortController();
    const tell = (): void => process.run(() => lost.abort());
    if (delivery.lost.aborted) tell();
    else delivery.lost.addEventListener("abort", tell, { once: true });
    yield {
      id: delivery.id,
      subject: delivery.subject,
      body: delivery.body,
      delivery: delivery.delivery,
      lost: lost.signal,
      reporting: () => delivery.reporting(),
      ack: () => process.pass(delivery.ack()),
      release: (delayMs) => process.pass(delivery.release(delayMs)),
      extend: () => process.pass(delivery.extend()),
      bury: (reason) => process.pass(delivery.bury(reason)),
    };
  }
}

function processWire(wire: Wire, process: SimProcess): Wire {
  return {
    request: (subject, body, options) => process.pass(wire.request(subject, body, options)),
    serve: (subject, handler) => {
      const gated = async (body: string, of: typeof subject): Promise<string> => {
        await process.gate();
        return process.pass(handler(body, of));
      };
      return process.pass(wire.serve(subject, gated));
    },
    publish: (subject, body) => wire.publish(subject, body),
    subscribe: (subject, handler, onDropped) => {
      const gated: typeof handler = (body, of) => process.run(() => handler(body, of));
      return process.pass(wire.subscribe(subject, gated, onDropped));
    },
  };
}

async function* heard<T>(source: AsyncIterable<T>, process: SimProcess): AsyncGenerator<T> {
  try {
    for await (const item of source) {
      await process.gate();
      yield item;
    }
  } finally {
    await process.gate();
  }
}
