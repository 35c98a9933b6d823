import path from "node:path";
import { connect } from "@nats-io/transport-node";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { natsVersion, startNats } from "./nats-server.mjs";
import { NODE, ROOT, retry, runDir, start, stop } from "../lib/children.ts";

/**
 * The limit: the client itself dispatches each step. Per step: JetStream publish (task) -> durable pull
 * consumer in a worker process -> JetStream publish (result) -> client, by a core subscription on the
 * stored subject; the worker acks the task after its result is stored. 2 publishes + 1 ack a step.
 */
export default class NatsDirect {
  note = [
    `${natsVersion()}, file storage, sync ${process.env.BENCH_NATS_SYNC ?? "default"}`,
    "2 JetStream publishes and 1 ack a step, no control plane",
  ].join("; ");
  async start() {
    const dir = runDir("nats-direct");
    this.nats = await startNats(dir);
    this.nc = await retry(() => connect({ servers: this.nats.url, noAsyncTraces: true }));
    const jsm = await jetstreamManager(this.nc);
    await jsm.streams.add({ name: "BENCH0", subjects: ["task", "done.>"], storage: "file" });
    await jsm.consumers.add("BENCH0", {
      durable_name: "worker",
      ack_policy: AckPolicy.Explicit,
      filter_subject: "task",
      max_ack_pending: 4096,
    });
    this.js = jetstream(this.nc);
    this.wait = new Map();
    this.nc.subscribe("done.>", {
      callback: (_e, m) => {
        const f = this.wait.get(m.subject);
        if (f) {
          this.wait.delete(m.subject);
          f(m.json().v);
        }
      },
    });
    this.worker = start(dir, "worker", NODE, [path.join(ROOT, "peers/workers/nats.mjs")], {
      env: { URL: this.nats.url },
    });
    this.n = 0;
    await this.step(0);
  }
  step(v) {
    const to = `done.${this.n++}`;
    return new Promise((ok, no) => {
      this.wait.set(to, ok);
      this.js.publish("task", JSON.stringify({ to, v })).catch(no);
    });
  }
  async runOne({ kind, steps }) {
    let v = 0;
    if (kind === "fan")
      return (await Promise.all(Array.from({ length: steps }, () => this.step(0)))).reduce(
        (a, b) => a + b,
        0,
      );
    for (let i = 0; i < steps; i++) v = await this.step(v);
    return v;
  }
  pids() {
    return { server: this.nats.server.pid, worker: this.worker.pid };
  }
  async stop() {
    await this.nc?.close();
    await stop(this.worker);
    await stop(this.nats.server);
  }
}
