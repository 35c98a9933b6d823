import path from "node:path";
import * as clients from "@restatedev/restate-sdk-clients";
import { NODE, ROOT, freePort, retry, runDir, start, stop, waitPort } from "../lib/children.ts";

const NOFSYNC = process.env.BENCH_RESTATE_NOFSYNC === "1";

export default class Restate {
  note = [
    `RocksDB WAL, ${NOFSYNC ? "fsync OFF" : "fsync before acknowledging (shipped default)"}`,
    "1 node, replication 1, 24 partitions",
    "each step is ctx.run journaled by the server",
    "completed runs kept 1 day (default)",
  ].join("; ");
  async start() {
    const dir = runDir("restate");
    const [ingress, admin, node, app] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    this.server = start(
      dir,
      "server",
      path.join(ROOT, "node_modules/.bin/restate-server"),
      ["--base-dir", path.join(dir, "data"), "--no-logo", "--listen-mode", "tcp"],
      {
        env: {
          RESTATE_BIND_IP: "127.0.0.1",
          RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
          RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
          RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
          RESTATE_DISABLE_TELEMETRY: "true",
          RESTATE_LOG_FILTER: "warn",
          DO_NOT_TRACK: "1",
          ...(NOFSYNC && {
            RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL_FSYNC: "true",
            RESTATE_BIFROST__LOCAL__ROCKSDB_DISABLE_WAL_FSYNC: "true",
          }),
        },
      },
    );
    this.worker = start(dir, "worker", NODE, [path.join(ROOT, "peers/workers/restate.mjs")], {
      env: { PORT: String(app), RESTATE_LOGGING: "WARN", NODE_ENV: "production" },
    });
    await waitPort(app);
    await waitPort(admin);
    await retry(async () => {
      const r = await fetch(`http://127.0.0.1:${admin}/deployments`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ uri: `http://127.0.0.1:${app}` }),
      });
      if (!r.ok) throw new Error(`register: ${r.status} ${await r.text()}`);
    });
    this.client = clients.connect({ url: `http://127.0.0.1:${ingress}` }).serviceClient({ name: "bench" });
    await retry(() => this.runOne({ kind: "one", steps: 1 }));
  }
  runOne(w) {
    return this.client[w.kind](w.steps);
  }
  pids() {
    return { server: this.server.pid, worker: this.worker.pid };
  }
  async stop() {
    await stop(this.worker);
    await stop(this.server);
  }
}
