import type { ChildProcess } from "node:child_process";
import http from "node:http";
import path from "node:path";
import { parseAnswer } from "../floor/parse-floor.ts";
import type { Adapter, Work } from "../harness/adapter.ts";
import { NODE, ROOT, runDir, start, stop } from "../lib/children.ts";
import type { Pids } from "../lib/sampler.ts";

/** Our own lower bound: the same path as the product, with nothing decided on it (floor/control.ts). */
export default class HttpFloor implements Adapter {
  readonly note = [
    "POST start-and-wait over node:http, JSON, kept connections",
    "2 rows a step in SQLite (WAL, synchronous=FULL, group commit in a thread), fsync before each use",
    "a projected row a run, 50 ms batches",
    "one worker process over a Unix socket; no decider, no validation",
  ].join("; ");
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  #control: ChildProcess | undefined;
  #worker = 0;
  #port = 0;

  async start(): Promise<void> {
    const dir = runDir("http-floor");
    const file = path.join(ROOT, "floor/control.ts");
    const control = start(dir, "control", NODE, ["--max-semi-space-size=4", file, dir]);
    this.#control = control;
    const ready = await new Promise<{ port: number; worker: number }>((resolve, reject) => {
      control.once("message", (message: { port: number; worker: number }) => resolve(message));
      control.once("exit", () => reject(new Error(`the floor ended; see ${dir}/control.log`)));
    });
    this.#port = ready.port;
    this.#worker = ready.worker;
    await this.runOne({ kind: "one", steps: 1 });
  }

  runOne(work: Work): Promise<number> {
    const body = JSON.stringify(work);
    const headers = { "content-type": "application/json", "content-length": body.length };
    const options = { host: "127.0.0.1", port: this.#port, method: "POST", path: "/runs?wait=1", headers };
    return new Promise((resolve, reject) => {
      const request = http.request({ ...options, agent: this.#agent }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve(parseAnswer(text).output));
      });
      request.on("error", reject);
      request.end(body);
    });
  }

  pids(): Pids {
    return { control: this.#control?.pid ?? 0, worker: this.#worker };
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await stop(this.#control);
  }
}
