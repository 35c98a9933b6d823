import path from "node:path";
import { FlowProducer, Queue, QueueEvents } from "bullmq";
import { NODE, ROOT, freePort, runDir, start, stop, waitPort } from "../lib/children.ts";

const FSYNC = process.env.BENCH_REDIS_FSYNC ?? "everysec";

export default class BullMQ {
  note = [
    `redis-server appendonly yes, appendfsync ${FSYNC}`,
    "completed jobs kept",
    "worker concurrency 64 (shipped default is 1)",
    "flows: nested parent/child jobs, fan-out adds one parent job",
  ].join("; ");
  async start() {
    const dir = runDir("bullmq");
    const port = await freePort();
    this.redis = start(dir, "redis", "redis-server", [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--dir",
      dir,
      "--appendonly",
      "yes",
      "--appendfsync",
      FSYNC,
      "--save",
      "",
    ]);
    await waitPort(port);
    const connection = { host: "127.0.0.1", port };
    this.worker = start(dir, "worker", NODE, [path.join(ROOT, "peers/workers/bullmq.mjs")], {
      env: { PORT: String(port), NODE_ENV: "production" },
    });
    this.queue = new Queue("bench", { connection });
    this.flow = new FlowProducer({ connection });
    this.events = new QueueEvents("bench", { connection });
    for (const e of [this.queue, this.flow, this.events]) e.setMaxListeners(0);
    await this.events.waitUntilReady();
    await this.runOne({ kind: "one", steps: 1 });
  }
  async runOne({ kind, steps }) {
    const node = (name, children) => ({ name, queueName: "bench", data: {}, children });
    let job;
    if (kind === "one") job = await this.queue.add("inc", {});
    else if (kind === "chain") {
      let n = node("inc");
      for (let i = 1; i < steps; i++) n = node("inc", [n]);
      ({ job } = await this.flow.add(n));
    } else
      ({ job } = await this.flow.add(
        node(
          "sum",
          Array.from({ length: steps }, () => node("inc")),
        ),
      ));
    return job.waitUntilFinished(this.events);
  }
  pids() {
    return { server: this.redis.pid, worker: this.worker.pid };
  }
  async stop() {
    await stop(this.worker);
    await Promise.allSettled([this.queue?.close(), this.flow?.close(), this.events?.close()]);
    await stop(this.redis);
  }
}
