// What of the acknowledged survives kill -9 of nats-server? Usage: NATS_SERVER=... npm run kill9
import { spawn } from "node:child_process";
import path from "node:path";
import { connect } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { natsBin, startNats } from "./nats-server.mjs";
import { retry, runDir, sleep, stop, waitPort } from "../lib/children.ts";

for (const sync of ["default", "always"])
  for (let rep = 0; rep < 3; rep++) {
    const dir = runDir("kill9");
    const nats = await startNats(dir, sync);
    const nc = await retry(() => connect({ servers: nats.url, reconnect: false, noAsyncTraces: true }));
    await (await jetstreamManager(nc)).streams.add({ name: "K", subjects: ["k"], storage: "file" });
    const js = jetstream(nc, { timeout: 1000 });
    let acked = 0;
    const pumps = Array.from({ length: 64 }, async () => {
      for (;;) {
        try {
          const a = await js.publish("k", "x".repeat(256));
          acked = Math.max(acked, a.seq);
        } catch {
          return;
        }
      }
    });
    await sleep(700 + rep * 300);
    nats.server.kill("SIGKILL");
    await Promise.all(pumps);
    const again = spawn(natsBin(), ["-c", path.join(dir, "nats.conf")], { stdio: "ignore" });
    await waitPort(nats.port);
    const nc2 = await retry(() => connect({ servers: nats.url, noAsyncTraces: true }));
    const info = await retry(async () => (await jetstreamManager(nc2)).streams.info("K"));
    console.log(
      JSON.stringify({
        sync,
        rep,
        highestAcked: acked,
        lastStored: info.state.last_seq,
        lost: Math.max(0, acked - info.state.last_seq),
      }),
    );
    await nc2.close();
    await stop(again);
  }
process.exit(0);
