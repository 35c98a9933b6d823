// The physical limit of the bus: core request/reply, JetStream publish (awaited, pipelined, atomic batch,
// fast ingest), and idle memory. Usage: NATS_SERVER=... npm run limit -- --out results/limit.json
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { connect } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { startFastIngest } from "@nats-io/jetstream/internal";
import { natsVersion, startNats } from "./nats-server.mjs";
import { NODE, ROOT, retry, runDir, sleep, start, stop } from "../lib/children.ts";
import { sampler } from "../lib/sampler.ts";

const { values: o } = parseArgs({
  options: {
    out: { type: "string" },
    reps: { type: "string", default: "3" },
    sync: { type: "string", default: "default,always" },
    cases: { type: "string", default: "base,extra" },
  },
});
const has = (x) => o.cases.split(",").includes(x);
const body = new Uint8Array(256).fill(120);
const rss = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))[1]) / 1024;
const dist = (a) => {
  const s = Float64Array.from(a).sort();
  const q = (p) => +s[Math.min(s.length - 1, Math.floor(p * s.length))].toFixed(3);
  return { p50: q(0.5), p95: q(0.95), p99: q(0.99) };
};
async function seq(n, fn) {
  for (let i = 0; i < Math.min(n / 5, 200); i++) await fn(i);
  const lat = [];
  const t0 = performance.now();
  for (let i = 0; i < n; i++) {
    const t = performance.now();
    await fn(i);
    lat.push(performance.now() - t);
  }
  return { ...dist(lat), perSec: Math.round((n / (performance.now() - t0)) * 1000) };
}
async function par(n, width, fn) {
  let i = 0;
  const t0 = performance.now();
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (i < n) {
        i++;
        await fn();
      }
    }),
  );
  return { perSec: Math.round((n / (performance.now() - t0)) * 1000) };
}
const result = { nats: natsVersion(), node: process.version, body: body.length, reps: [] };
for (let rep = 0; rep < +o.reps; rep++)
  for (const sync of o.sync.split(",")) {
    const dir = runDir("limit");
    const nats = await startNats(dir, sync);
    const echo = start(dir, "echo", NODE, [path.join(ROOT, "peers/workers/nats-echo.mjs")], {
      env: { URL: nats.url },
    });
    const nc = await retry(() => connect({ servers: nats.url, noAsyncTraces: true }));
    const jsm = await jetstreamManager(nc);
    const js = jetstream(nc);
    await retry(() => nc.request("echo", body, { timeout: 500 }));
    await sleep(1000);
    const r = {
      sync,
      idleNatsMiB: Math.round(rss(nats.server.pid)),
      idleWorkerMiB: Math.round(rss(echo.pid)),
    };
    const stream = async (extra) => {
      try {
        await jsm.streams.delete("S");
      } catch {
        /* none */
      }
      await jsm.streams.add({ name: "S", subjects: ["s.>"], storage: "file", ...extra });
    };
    const cpu = async (label, n, fn) => {
      const done = sampler({ nats: nats.server.pid, client: process.pid, echo: echo.pid });
      const v = await fn();
      const u = done();
      r[label] = {
        ...v,
        serverUsPerMsg: Math.round((u.cpu.nats * 1e6) / n),
        clientUsPerMsg: Math.round((u.cpu.client * 1e6) / n),
      };
      console.log(rep, sync, label, JSON.stringify(r[label]));
    };
    const big = sync === "always" ? 5000 : 40000;
    const few = sync === "always" ? 1000 : 4000;
    if (has("base")) {
      if (sync === "default") {
        await cpu("core request/reply, 1 in flight", 4000, () => seq(4000, () => nc.request("echo", body)));
        await cpu("core request/reply, 64 in flight", 40000, () =>
          par(40000, 64, () => nc.request("echo", body)),
        );
      }
      await stream({});
      await cpu("publish, await each", few, () => seq(few, (i) => js.publish(`s.${i % 100}`, body)));
      await cpu("publish, 64 in flight", big, () => par(big, 64, () => js.publish("s.a", body)));
      await cpu("publish, 512 in flight", big, () => par(big, 512, () => js.publish("s.a", body)));
      try {
        await stream({ allow_atomic: true });
        const B = 100;
        await cpu("atomic batch of 100, await each batch", big, async () => {
          const v = await seq(big / B, async () => {
            const b = await js.startBatch("s.a", body);
            for (let i = 0; i < B - 2; i++) b.add("s.a", body);
            await b.commit("s.a", body);
          });
          return { ...v, perSec: v.perSec * B };
        });
      } catch (e) {
        r.atomicError = String(e);
        console.log("atomic", e);
      }
      try {
        await stream({ allow_batched: true });
        await cpu("fast ingest", big, async () => {
          const t0 = performance.now();
          const f = await startFastIngest(nc, "s.a", body, { allowGaps: false }, 5000);
          for (let i = 0; i < big - 2; i++) await f.add("s.a", body);
          await f.last("s.a", body);
          return { perSec: Math.round((big / (performance.now() - t0)) * 1000) };
        });
      } catch (e) {
        r.fastError = String(e);
        console.log("fast", e);
      }
    }
    if (has("extra")) {
      for (const B of [2, 10]) {
        await stream({ allow_atomic: true });
        const n = few / 2;
        await cpu(`atomic batch of ${B}, await each batch`, n * B, async () => {
          const v = await seq(n, async () => {
            const b = await js.startBatch("s.a", body);
            for (let i = 0; i < B - 2; i++) b.add("s.a", body);
            await b.commit("s.a", body);
          });
          return { ...v, perSec: v.perSec * B };
        });
        await cpu(`${B} publishes at once, await all`, n * B, async () => {
          const v = await seq(n, () => Promise.all(Array.from({ length: B }, () => js.publish("s.a", body))));
          return { ...v, perSec: v.perSec * B };
        });
      }
      for (const B of [50]) {
        await stream({ allow_atomic: true });
        await cpu(`atomic batches of ${B}, 8 in flight`, big, async () => {
          const v = await par(big / B, 8, async () => {
            const b = await js.startBatch("s.a", body);
            for (let i = 0; i < B - 2; i++) b.add("s.a", body);
            await b.commit("s.a", body);
          });
          return { perSec: v.perSec * B };
        });
      }
      await jsm.streams.delete("S");
      for (const k of [2, 4, 8]) {
        for (let i = 0; i < k; i++)
          await jsm.streams.add({ name: `P${i}`, subjects: [`p${i}`], storage: "file" });
        let j = 0;
        await cpu(`publish, 256 in flight over ${k} streams`, big, () =>
          par(big, 256, () => js.publish(`p${j++ % k}`, body)),
        );
        for (let i = 0; i < k; i++) await jsm.streams.delete(`P${i}`);
      }
    }
    r.endNatsMiB = Math.round(rss(nats.server.pid));
    result.reps.push(r);
    await nc.close();
    await stop(echo);
    await stop(nats.server);
    if (o.out) {
      mkdirSync(path.dirname(path.resolve(o.out)), { recursive: true });
      writeFileSync(o.out, JSON.stringify(result, null, 1));
    }
  }
process.exit(0);
