/**
 * The engine in one process with an echo worker: runs a second and CPU a run, for runs of one step.
 * `node --conditions=@agentflow/source bench/micro/engine.ts [bare|embedded] [runs] [in flight] [--metrics]`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Bus } from "@agentflow/bus";
import { openEmbedded } from "@agentflow/bus/embedded";
import { startEngine } from "@agentflow/control-plane";
import { createLog } from "@agentflow/host/log";
import { createMetrics } from "@agentflow/host/metrics";
import { systemWorld } from "@agentflow/host/system";
import {
  defaultPool,
  defaultTenant,
  devBuild,
  instant,
  makeRunId,
  parseId,
  splitTaskId,
  subjects,
} from "@agentflow/protocol";
import { createHash } from "node:crypto";
import { bareBus } from "./bare-bus.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { metrics: { type: "boolean" } },
});
const metrics = createMetrics();
const [kind = "bare", runsText = "60000", inFlightText = "64"] = positionals;
const total = Number(runsText);
const world = systemWorld();
const folder = mkdtempSync(join(tmpdir(), "agentflow-bench-"));
const bus: Bus = kind === "embedded" ? await openEmbedded({ dir: join(folder, "state") }) : bareBus();
const stop = new AbortController();
const log = createLog({ source: "control-plane", clock: world.clock, outputs: [] });

const row = {
  v: 1,
  kind: "worker",
  worker: "w",
  tenant: "default",
  pool: "default",
  build: "dev",
  slots: 1_000,
};
const now = instant(world.clock.now() + 3_600_000);
const presence = { ...row, host: "here", pid: 1, since: now, seenAt: now, state: "ready", busy: [] };
await bus.table.put("worker.default.w", JSON.stringify(presence), { expect: "any" });

const engine = await startEngine({
  bus,
  world,
  log,
  metrics,
  node: "bench",
  version: "0",
  readModelDir: folder,
  tenantDefaults: { build: devBuild },
});
const steps = { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } };
const definition = {
  apiVersion: "agentflow.dev/v1",
  kind: "Workflow",
  name: "one",
  steps,
  output: "${steps.a.output}",
} as const;
await engine.registry.register(defaultTenant, { definition, strict: false });
const worker = work();

await measure(Math.min(10_000, total), "warm-up");
await measure(total, `${kind}, ${inFlightText} in flight`);

if (values.metrics === true) console.log(await metrics.text());
stop.abort();
await worker;
await engine.stop();
await bus.close();
rmSync(folder, { recursive: true });

async function measure(runs: number, title: string): Promise<void> {
  const began = performance.now();
  const [cpu, thread] = [process.cpuUsage(), process.threadCpuUsage()];
  await load(runs);
  const seconds = (performance.now() - began) / 1_000;
  const [all, main] = [process.cpuUsage(cpu), process.threadCpuUsage(thread)];
  const each = (usage: NodeJS.CpuUsage): string => ((usage.user + usage.system) / runs).toFixed(1);
  console.log(
    `${title}: ${Math.round(runs / seconds)} runs/s, CPU us a run: ` +
      `main thread ${each(main)}, process ${each(all)}, ` +
      `${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`,
  );
}

function load(runs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let ended = 0;
    const next = (): void => {
      if (begun++ >= runs) return;
      const run = makeRunId(world.clock.now(), world.random.bytes(10));
      engine.runs.startMany(
        defaultTenant,
        [{ body: { run, workflow: "one", input: { x: begun } }, waitMs: 60_000 }],
        (_, answer) => {
          if ("code" in answer || answer.status !== "completed")
            return reject(new Error(JSON.stringify(answer)));
          if (++ended === runs) resolve();
          else next();
        },
      );
    };
    for (let n = 0; n < Number(inFlightText); n++) next();
  });
}

async function work(): Promise<void> {
  const subject = subjects.task({ tenant: defaultTenant, pool: defaultPool, build: devBuild });
  const take = { subjects: [subject], holder: "w", slots: 1_000, leaseMs: 60_000, signal: stop.signal };
  for await (const delivery of bus.queue.take(take)) {
    const task: unknown = JSON.parse(delivery.body);
    const { tenant, run } = splitTaskId(parseId("task", delivery.id));
    const output = typeof task === "object" && task !== null && "with" in task ? task.with : null;
    const first = createHash("sha256").update(run).digest()[0] ?? 0;
    const shard = parseId("shard", String(first >>> 2).padStart(2, "0"));
    const outcome = { kind: "succeeded", output };
    const input = { kind: "result", id: "res-a-1", at: now, step: "a", attempt: 1, outcome };
    const body = JSON.stringify({ v: 1, kind: "input", run, input });
    const answered = bus.wire.request(subjects.in({ shard, tenant }), body, { timeoutMs: 10_000 });
    void answered.then(() => delivery.ack());
  }
}
