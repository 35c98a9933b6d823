import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, readdirSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { NODE, ROOT, freePort, retry, runDir, start, stop, waitPort } from "../lib/children.ts";

const ASYNC = process.env.BENCH_PG_ASYNC === "1";
export const PG = `PostgreSQL defaults (fsync on, synchronous_commit ${ASYNC ? "OFF" : "on"})`;

function pgBin() {
  const base = "/usr/lib/postgresql";
  const v = existsSync(base) ? readdirSync(base).sort((a, b) => b - a)[0] : undefined;
  return process.env.PG_BIN ?? (v ? path.join(base, v, "bin") : "");
}

/** DBOS as it is normally deployed: the application process runs the workflow, Postgres is the server. */
export default class Dbos {
  queued = false;
  note = [
    PG,
    "client -> HTTP -> DBOS app process -> Postgres",
    "steps are DBOS.runStep",
    "completed workflows kept",
  ].join("; ");
  async start() {
    const dir = runDir(this.queued ? "dbos-queue" : "dbos");
    chmodSync(path.dirname(dir), 0o755);
    const uid = Number(execFileSync("id", ["-u", "postgres"])),
      gid = Number(execFileSync("id", ["-g", "postgres"]));
    chownSync(dir, uid, gid);
    const data = path.join(dir, "data");
    execFileSync(
      path.join(pgBin(), "initdb"),
      ["-D", data, "-A", "trust", "-U", "bench", "--locale=C.UTF-8"],
      { uid, gid, cwd: dir, stdio: "ignore" },
    );
    const [pg, app] = [await freePort(), await freePort()];
    this.pg = start(
      dir,
      "postgres",
      path.join(pgBin(), "postgres"),
      [
        "-D",
        data,
        "-p",
        String(pg),
        "-h",
        "127.0.0.1",
        "-k",
        dir,
        ...(ASYNC ? ["-c", "synchronous_commit=off"] : []),
      ],
      { uid, gid },
    );
    await waitPort(pg);
    await retry(async () =>
      execFileSync(
        path.join(pgBin(), "createdb"),
        ["-h", "127.0.0.1", "-p", String(pg), "-U", "bench", "bench"],
        { stdio: "ignore" },
      ),
    );
    this.url = `postgresql://bench@127.0.0.1:${pg}/bench`;
    this.worker = start(dir, "worker", NODE, [path.join(ROOT, "peers/workers/dbos.mjs")], {
      env: { DB: this.url, PORT: String(app), NODE_ENV: "production" },
    });
    await waitPort(app, 60000);
    this.app = app;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
    await this.connect();
    await this.runOne({ kind: "one", steps: 1 });
  }
  async connect() {}
  runOne({ kind, steps }) {
    return new Promise((ok, no) => {
      http
        .get({ host: "127.0.0.1", port: this.app, path: `/${kind}/${steps}`, agent: this.agent }, (res) => {
          let s = "";
          res.on("data", (d) => {
            s += d;
          });
          res.on("end", () => (res.statusCode === 200 ? ok(JSON.parse(s)) : no(new Error(s))));
        })
        .on("error", no);
    });
  }
  pids() {
    return { server: this.pg.pid, worker: this.worker.pid };
  }
  async stop() {
    this.agent?.destroy();
    await stop(this.worker);
    await stop(this.pg, "SIGINT");
  }
}
