/**
 * `npm run bench:kill -- --kills N --seed S [--on nats]`: runs in flight on a real installation while its
 * processes are killed with SIGKILL at random; then every history is read. Exits 1 when a run was lost, a
 * result was recorded twice, a history has a hole, or a run did not end.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { ledgerProject, writeProject } from "./embedded/project.ts";
import { embeddedInstallation } from "./kills/embedded.ts";
import { type History, faultsOf, readHistory } from "./kills/history.ts";
import type { Installation } from "./kills/installation.ts";
import { checkLedger } from "./kills/ledger.ts";
import { RunLoad } from "./kills/load.ts";
import { natsInstallation } from "./kills/nats.ts";
import { type Kill, recoveries } from "./kills/recovery.ts";
import { recoveryRows, verdict } from "./kills/report.ts";
import { runDir, sleep } from "./lib/children.ts";
import { dice } from "./lib/dice.ts";

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "embedded" },
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    "in-flight": { type: "string", default: "16" },
    "step-ms": { type: "string", default: "20" },
    // On NATS: how often the server syncs, and how many workers there are.
    sync: { type: "string", default: "2m" },
    workers: { type: "string", default: "1" },
    // One kind alone; beside those of the mix: stopped (paused for three leases), nats-restart.
    only: { type: "string" },
    // The longest pause between two kills; most are much shorter.
    "pause-ms": { type: "string" },
  },
});
const random = dice(Number(values.seed));
const dir = runDir(`kill-${values.on}`);
const ledger = path.join(dir, "ledger.jsonl");
const project = path.join(dir, "project");
writeProject(project, ledgerProject());

const installation = await open();
if (values.only !== undefined && !installation.kinds.includes(values.only)) {
  throw new Error(`--only ${values.only} is none of: ${installation.kinds.join(", ")}`);
}
const load = new RunLoad({
  clients: installation.clients(),
  inFlight: Number(values["in-flight"]),
  ledger,
  stepMs: Number(values["step-ms"]),
});
const pauseMsMax = Number(values["pause-ms"] ?? installation.pauseMsMax);
const beganMs = performance.now();
load.start();
await sleep(1_000);
const kills: Kill[] = [];
while (kills.length < Number(values.kills)) {
  // From the midst of a recovery to well after it.
  await sleep(20 + random() ** 2 * pauseMsMax);
  const kill = await installation.strike(values.only ?? installation.choose(random()));
  if (kill === undefined) continue;
  kills.push(kill);
  if (kills.length % 50 === 0) process.stderr.write(`${kills.length} kills, ${load.ended.size} runs ended\n`);
}
await installation.settle();
const allEnded = await load.finish(60_000);
await report(allEnded);
await installation.stop();
process.exit();

async function open(): Promise<Installation> {
  if (values.on === "embedded") return embeddedInstallation({ dir, project, random });
  if (values.on !== "nats") throw new Error(`--on ${values.on} is neither embedded nor nats`);
  const sync = values.sync === "always" ? "always" : "2m";
  return natsInstallation({ dir, project, random, sync, workers: Number(values.workers) });
}

async function report(ended: boolean): Promise<void> {
  const [client] = installation.clients();
  const histories: History[] = [];
  const faults: string[] = [];
  for (const run of load.accepted) {
    if (client === undefined) break;
    try {
      const history = await readHistory(client, run);
      histories.push(history);
      faults.push(...faultsOf(history));
    } catch (error) {
      faults.push(`${run}: accepted, and now ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const outside = checkLedger(ledger, new Set(load.ended.keys()));
  faults.push(...outside.faults, ...load.complaints.map((complaint) => `client: ${complaint}`));
  if (!ended)
    faults.push(`${load.accepted.size - load.ended.size} runs had not ended a minute after the last kill`);
  faults.push(...(await installation.faults()));
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  process.stdout.write(
    [
      installation.note,
      `${kills.length} kills, seed ${values.seed}, ${values["in-flight"]} runs in flight, ${seconds} s`,
      `${load.accepted.size} runs accepted, ${load.ended.size} ended, ${outside.calls} calls of which ` +
        `${outside.repeated} were repeats under the same key`,
      "",
      ...recoveryRows(installation.kinds, recoveries(kills, histories)),
      "",
      verdict(faults),
      "",
    ].join("\n"),
  );
  process.exitCode = faults.length === 0 && kills.length > 0 && load.ended.size > 0 ? 0 : 1;
}
