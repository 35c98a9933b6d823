import { AgentFlowError } from "@agentflow/protocol";
import { checkPeek } from "../../port/check.ts";
import type { Sink, Taker, Task } from "../queue/lane.ts";
import type { Timed } from "../wheel.ts";
import type { Message } from "./frame.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";
import type { Handlers, Talk } from "./talk.ts";

const takersMax = 1_000;

export function queueHandlers(talk: Talk): Handlers {
  const { queue } = talk.bus;
  const { tasks } = queue;
  const takers = new Map<number, Taker>();
  const leaseOf = (facts: unknown): { taker: Taker | undefined; id: string; delivery: number } => {
    const [take, id, delivery] = parse.tuple(facts, 3);
    return { taker: takers.get(parse.count(take)), id: parse.text(id), delivery: parse.count(delivery) };
  };
  return {
    gone: () => {
      for (const taker of takers.values()) leaveBehind(talk, taker);
    },
    on: {
      [operation.push]: (message) => push(talk, message),
      [operation.take]: (message) => take(talk, takers, message),
      [operation.stopTaking]: ({ facts }) => {
        const [take, unseen] = parse.tuple(facts, 2);
        const taker = takers.get(parse.count(take));
        if (taker !== undefined) tasks.stop(taker, parse.texts(unseen));
      },
      [operation.reporting]: ({ facts }) => {
        const { taker, id, delivery } = leaseOf(facts);
        if (taker !== undefined) tasks.reporting(taker, id, delivery);
      },
      [operation.ack]: ({ id, facts }) => {
        const of = leaseOf(facts);
        talk.answerSoon(id, of.taker !== undefined && tasks.ack(of.taker, of.id, of.delivery));
      },
      [operation.extend]: ({ id, facts }) => {
        const of = leaseOf(facts);
        talk.answer(id, of.taker !== undefined && tasks.extend(of.taker, of.id, of.delivery));
      },
      [operation.release]: ({ id, facts }) => {
        const { taker, ...of } = leaseOf(facts);
        const delayMs = parse.count(parse.tuple(facts, 4)[3]);
        talk.answer(id, taker !== undefined && tasks.release(taker, { ...of, delayMs }));
      },
      [operation.bury]: ({ id, facts, bodies }) => {
        const { taker, ...of } = leaseOf(facts);
        if (taker === undefined) return talk.answer(id, false);
        queue.buryThen({ ...of, taker, reason: parse.body(bodies) }, (error, done) => {
          if (error === undefined) talk.answer(id, done);
          else talk.fail(id, error);
        });
      },
      [operation.revoke]: ({ id, facts }) => {
        tasks.revoke(parse.texts(facts));
        talk.answer(id);
      },
      [operation.epoch]: ({ id }) => talk.answer(id, tasks.epoch),
      [operation.peek]: (message) => peek(talk, message),
      [operation.depth]: ({ id }) => {
        talk.answer(
          id,
          tasks.depth().map(({ subject, waiting, leased }) => [subject, waiting, leased]),
        );
      },
    },
  };
}

/** [[task, subject], ...] and a body each; answered by which of them were taken. */
function push(talk: Talk, { id, facts, bodies }: Message): void {
  const pushed = parse.tuple(facts, 0).map((one, i) => {
    const [task, name] = parse.tuple(one, 2);
    return { id: parse.text(task), subject: parse.subject(name), body: parse.body(bodies, i) };
  });
  talk.answer(
    id,
    talk.bus.queue.tasks.push(pushed).map(({ ok }) => ok),
  );
}

/** [subject or prefix, limit] */
function peek(talk: Talk, { id, facts }: Message): void {
  const [subject, limit] = parse.tuple(facts, 2);
  const asked = { subject: parse.filter(subject), limit: parse.count(limit) };
  checkPeek(asked);
  const found = talk.bus.queue.tasks.peek(asked);
  const told = found.map((one) => [one.id, one.subject, one.state, one.holder ?? "", one.deliveries]);
  talk.answer(
    id,
    told,
    found.map(({ body }) => body),
  );
}

/** [take, subjects, holder, slots, leaseMs, resume] */
function take(talk: Talk, takers: Map<number, Taker>, { id, facts }: Message): void {
  const [number, subjects, holder, slots, leaseMs, resume] = parse.tuple(facts, 6);
  const take = parse.count(number);
  if (takers.has(take)) throw new AgentFlowError("conflict", `take ${take} is there`, { reason: "taken" });
  if (takers.size >= takersMax) {
    throw new AgentFlowError("limit_exceeded", "a client takes in too many places at once", {
      reason: "too_many_takers",
      details: { max: takersMax },
    });
  }
  const request = {
    subjects: parse.texts(subjects).map(parse.subject),
    holder: parse.text(holder),
    slots: parse.count(slots),
    leaseMs: parse.count(leaseMs),
    resume: parse.texts(resume),
  };
  takers.set(take, talk.bus.queue.tasks.take(request, sinkOf(talk, take)));
  talk.answer(id);
}

function sinkOf({ link }: Talk, take: number): Sink {
  const send = (code: number, task: Task): void =>
    link.send(code, 0, [take, task.id, task.subject, task.delivery], [task.body]);
  return {
    deliver: (task) => send(operation.delivered, task),
    resumed: (task) => send(operation.resumed, task),
    lost: (id) => link.send(operation.lost, 0, [take, id]),
    // The connection ends with the bus.
    ended: () => {},
  };
}

/** What the client held stays its own for a moment: it may come back and resume it. */
function leaveBehind({ bus, graceMs }: Talk, taker: Taker): void {
  bus.queue.tasks.stop(taker);
  const grace: Timed = { slot: undefined, expire: () => bus.queue.tasks.abandon(taker) };
  bus.wheel.add(grace, graceMs);
}
