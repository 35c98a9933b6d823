import NatsFloor from "./nats-floor.mjs";

/**
 * nats-floor, but the control plane hears of a stored result by a core message from the worker (sent after
 * the PubAck) and reads the stream only after a restart: 2 JetStream publishes and 1 ack a step, no second
 * consumer.
 */
export default class NatsNotify extends NatsFloor {
  notify = true;
  note = this.note.replace(
    /; 2 JetStream.*/,
    "; 2 JetStream publishes and 1 ack a step; " +
      "results reach the control plane by a core message sent after the PubAck",
  );
}
