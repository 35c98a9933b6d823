/**
 * `node nats-epochs.mjs SERVERS FILE`: when the queue lost what it held. It keeps a record of its own among
 * the tasks, which shares their fate: one line for each change of it, with when the old one was last seen and
 * the new one first.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";

const everyMs = 200;
const askMs = 1_000;

const [servers = "", file = ""] = process.argv.slice(2);
const nc = await connect({
  servers: servers.split(","),
  timeout: 2_000,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 200,
  pingInterval: 1_000,
});
process.on("disconnect", () => process.exit());
let [last, lastMs] = ["", Date.now()];
for (;;) {
  const epoch = await ask();
  if (epoch !== undefined) {
    const nowMs = Date.now();
    if (last !== "" && epoch !== last) {
      appendFileSync(file, `${JSON.stringify({ lostAfterMs: lastMs, newByMs: nowMs })}\n`);
    }
    [last, lastMs] = [epoch, nowMs];
  }
  await sleep(everyMs);
}

/** Of the leader; undefined while none answers, or the new one is not written yet. */
async function ask() {
  try {
    const body = JSON.stringify({ last_by_subj: "af.epoch.task" });
    const answer = await nc.request("$JS.API.STREAM.MSG.GET.AF_TASK", body, { timeout: askMs });
    const { message } = answer.json();
    return message?.data;
  } catch {
    return undefined;
  }
}
