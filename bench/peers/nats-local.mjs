import NatsFloor from "./nats-floor.mjs";

/**
 * nats-notify, but a chain is dispatched once and runs on one worker: each step's result is one awaited
 * JetStream publish (the event), as Restate's ctx.run and DBOS's runStep journal a step in place.
 * A fan-out goes out as 4 tasks of 25 steps, each step's result one pipelined publish.
 */
export default class NatsLocal extends NatsFloor {
  local = true;
  notify = true;
  note = this.note.replace(
    /; 2 JetStream.*/,
    "; a chain runs on one worker, 1 awaited publish a step; fan-out in 4 groups of 25",
  );
}
