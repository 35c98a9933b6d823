/** Ports that do people wrong, and a queue that makes all tasks look new. */
import type { Delivery, Queue } from "@agentflow/bus";
import type { Engine } from "@agentflow/control-plane";
import { instant, type Task } from "@agentflow/protocol";
import { parseStoredTask } from "../checkers/parse-stored.ts";

/** Answers never reach the step. */
export function deafQueue(queue: Queue): Queue {
  return changing(queue, ({ answers: _answers, ...task }) => task);
}

/** Every task looks as if it had been sent just now. */
export function freshQueue(queue: Queue): Queue {
  return changing(queue, (task) => ({ ...task, at: instant(Date.UTC(2100, 0)) }));
}

function changing(queue: Queue, change: (task: Task) => Task): Queue {
  async function* take(options: Parameters<Queue["take"]>[0]): AsyncGenerator<Delivery> {
    for await (const delivery of queue.take(options)) yield withBody(delivery, change);
  }
  return {
    epoch: () => queue.epoch(),
    push: (tasks) => queue.push(tasks),
    take,
    revoke: (ids) => queue.revoke(ids),
    depth: () => queue.depth(),
    peek: (options) => queue.peek(options),
  };
}

function withBody(delivery: Delivery, change: (task: Task) => Task): Delivery {
  return {
    id: delivery.id,
    subject: delivery.subject,
    body: JSON.stringify(change(parseStoredTask(delivery.body))),
    delivery: delivery.delivery,
    lost: delivery.lost,
    reporting: () => delivery.reporting(),
    ack: () => delivery.ack(),
    release: (delayMs) => delivery.release(delayMs),
    extend: () => delivery.extend(),
    bury: (reason) => delivery.bury(reason),
  };
}

/** The hash that an answer names is not looked at. */
export function carelessDoor(engine: Engine): Engine {
  const { people } = engine;
  return {
    ...engine,
    people: {
      approvals: (tenant, filter) => people.approvals(tenant, filter),
      approval: (tenant, approval) => people.approval(tenant, approval),
      usage: (tenant, filter) => people.usage(tenant, filter),
      decide: async (tenant, approval, body) => {
        const { hash } = await people.approval(tenant, approval);
        return people.decide(tenant, approval, { ...body, hash });
      },
    },
  };
}
