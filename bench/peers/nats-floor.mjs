import path from "node:path";
import { connect } from "@nats-io/transport-node";
import { AckPolicy, jetstreamManager } from "@nats-io/jetstream";
import { natsVersion, startNats } from "./nats-server.mjs";
import { NODE, ROOT, retry, runDir, start, stop } from "../lib/children.ts";

/**
 * The floor of the whole path: client -> control plane process -> JetStream -> worker process ->
 * JetStream -> control plane -> client. One stream is both queue and event log: "task" messages record
 * the start (or the previous step's completion) and dispatch the next step in one publish, "done"
 * messages record results; the last "done" completes the run. Per step: 2 JetStream publishes, 1 explicit
 * ack (task) and a batched cumulative ack (done). Nothing else: no validation, no projection, no retry.
 */
export default class NatsFloor {
  local = false;
  notify = false;
  shards = 1;
  http = false;
  note = [
    `${natsVersion()}, file storage, sync ${process.env.BENCH_NATS_SYNC ?? "default"}`,
    "client -> control plane -> worker -> control plane -> client",
    "2 JetStream publishes and 1 ack a step plus a batched ack",
  ].join("; ");
  async start() {
    const kinds = [
      this.http && "http",
      this.shards > 1 && "shards",
      this.local && "local",
      this.notify && "notify",
    ];
    const dir = runDir(["nats-floor", ...kinds.filter(Boolean)].join("-"));
    this.nats = await startNats(dir);
    this.nc = await retry(() => connect({ servers: this.nats.url, noAsyncTraces: true }));
    const jsm = await jetstreamManager(this.nc);
    for (let i = 0; i < this.shards; i++) {
      const name = `BENCH${i}`;
      await jsm.streams.add({
        name,
        subjects: [`task.${i}`, `done.${i}.>`, `step.done.${i}.>`],
        storage: "file",
      });
      await jsm.consumers.add(name, {
        durable_name: "worker",
        ack_policy: AckPolicy.Explicit,
        filter_subject: `task.${i}`,
        max_ack_pending: 4096,
      });
      await jsm.consumers.add(name, {
        durable_name: "control",
        ack_policy: AckPolicy.All,
        filter_subject: `done.${i}.>`,
        max_ack_pending: 16384,
      });
    }
    const env = {
      URL: this.nats.url,
      LOCAL: this.local ? "1" : "",
      NOTIFY: this.notify ? "1" : "",
      SHARDS: String(this.shards),
      HTTP: this.http ? dir : "",
    };
    this.control = start(dir, "control", NODE, [path.join(ROOT, "peers/workers/nats-control.mjs")], { env });
    this.worker = start(dir, "worker", NODE, [path.join(ROOT, "peers/workers/nats.mjs")], { env });
    await this.ready();
  }
  async ready() {
    await retry(() => this.runOne({ kind: "one", steps: 1 }));
  }
  async runOne(w) {
    const m = await this.nc.request("start", JSON.stringify(w), { timeout: 30000 });
    return m.json().v;
  }
  pids() {
    return { server: this.nats.server.pid, control: this.control.pid, worker: this.worker.pid };
  }
  async stop() {
    await this.nc?.close();
    await stop(this.worker);
    await stop(this.control);
    await stop(this.nats.server);
  }
}
