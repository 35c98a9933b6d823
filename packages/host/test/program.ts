/** A process of ours in miniature, which the tests of `system` start and signal. */
import { createLog } from "../src/log/index.ts";
import { createStop } from "../src/stop.ts";
import { installSignals, systemWorld, toDescriptor } from "../src/system/index.ts";

const mode = process.argv[2];
const { clock, timers } = systemWorld();
const log = createLog({ source: "worker", clock, outputs: [toDescriptor(2)] });
const stop = createStop({ timers, log, deadlineMs: 60_000 });
stop.add("close", "part", () => log.info("part closed"));
if (mode === "stuck") stop.add("drain", "stuck", () => new Promise(() => {}));
installSignals({ stop, log });
timers.every(60_000, () => {});
log.info("ready");
if (mode === "throw") {
  timers.after(1, () => {
    throw new Error("a secret message");
  });
}
if (mode === "reject") void Promise.reject(new Error("a secret message"));
if (mode === "done") void stop.begin("done");
