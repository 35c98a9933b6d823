import { DBOSClient } from "@dbos-inc/dbos-sdk";
import Dbos, { PG } from "./dbos.mjs";

/** DBOS with a client in another process: enqueue on a queue, poll for the result. */
export default class DbosQueue extends Dbos {
  queued = true;
  note = [
    PG,
    "DBOSClient.enqueue -> queue polled by the worker -> client polls",
    "TUNED: queue poll 5 ms and result poll 5 ms (both shipped at 1000 ms)",
  ].join("; ");
  async connect() {
    const quiet = { info() {}, debug() {}, warn() {}, error: console.error };
    this.client = await DBOSClient.create({
      systemDatabaseUrl: this.url,
      logger: quiet,
      systemDatabasePoolSize: 20,
      applicationName: "bench",
    });
  }
  async runOne({ kind, steps }) {
    const h = await this.client.enqueue({ queueName: "bench", workflowName: kind }, steps);
    return h.getResult({ pollingIntervalMs: 5 });
  }
  async stop() {
    await this.client?.destroy();
    await super.stop();
  }
}
