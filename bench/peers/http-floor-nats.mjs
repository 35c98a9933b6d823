import http from "node:http";
import NatsFloor from "./nats-floor.mjs";
import { retry } from "../lib/children.ts";

/** The floor of the path on NATS behind a door like the product's: HTTP start-and-wait, a projected row. */
export default class HttpFloorNats extends NatsFloor {
  http = true;
  agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  async start() {
    this.shards = Number(process.env.BENCH_NATS_STREAMS ?? 1);
    const { note, shards } = this;
    this.note = `POST start-and-wait over node:http; ${note}; ${shards} streams; a projected row a run`;
    await super.start();
  }
  async ready() {
    const { port } = await new Promise((resolve, reject) => {
      this.control.once("message", resolve);
      this.control.once("exit", () => reject(new Error("the floor ended")));
    });
    this.port = port;
    await retry(() => this.runOne({ kind: "one", steps: 1 }));
  }
  runOne(work) {
    const body = JSON.stringify(work);
    const headers = { "content-type": "application/json", "content-length": body.length };
    const options = { host: "127.0.0.1", port: this.port, method: "POST", path: "/runs?wait=1", headers };
    return new Promise((resolve, reject) => {
      const request = http.request({ ...options, agent: this.agent }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(JSON.parse(text).output));
      });
      request.on("error", reject);
      request.end(body);
    });
  }
  async stop() {
    this.agent.destroy();
    await super.stop();
  }
}
