/**
 * `npm run bench:cluster -- --faults N --seed S`: three nats-servers in network namespaces of their own, two
 * control planes and two workers under load, and faults of nodes, links and processes at random. Then all is
 * healed, every run has to end, and the offline checker reads what is left. Exits 1 when it finds a fault,
 * 2 when a network cannot be made here. `--check DIR` checks the evidence of an earlier run again.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { chooseFault, type Fault, type FaultKind, faultKinds, strike } from "./cluster/faults.ts";
import { dumpLog, dumpViews } from "./cluster/dump.ts";
import { Installation } from "./cluster/installation.ts";
import { networkMissing, nodes } from "./cluster/network.ts";
import { recoveryLines, verdictLines } from "./cluster/report.ts";
import { checkEvidence } from "./kills/check.ts";
import { evidenceFiles, readEvidence } from "./kills/evidence.ts";
import { runDir, sleep } from "./lib/children.ts";
import { dice } from "./lib/dice.ts";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    "in-flight": { type: "string", default: "8" },
    "step-ms": { type: "string", default: "100" },
    // One kind alone, or several with commas.
    only: { type: "string" },
    // Breaks the control planes on purpose: appends go out without their fence.
    "fence-off": { type: "boolean", default: false },
    check: { type: "string" },
  },
});
/** Until the last run has ended, once all is well again: leases and backlogs are long behind. */
const endWithinMs = 180_000;

if (values.check !== undefined) {
  const verdict = checkEvidence(readEvidence(values.check));
  say(verdictLines(verdict));
  process.exit(verdict.faults.length === 0 && verdict.runs > 0 ? 0 : 1);
}
const missing = networkMissing();
if (missing !== undefined) {
  process.stderr.write(`bench:cluster: ${missing}\n`);
  process.exit(2);
}
const random = dice(Number(values.seed));
const dir = runDir(`cluster-${values.seed}`);
const preload = new URL("peers/fence-off.mjs", import.meta.url).href;
const beganMs = performance.now();
const all = await Installation.start({
  dir,
  preload: values["fence-off"] ? preload : undefined,
  inFlight: Number(values["in-flight"]),
  stepMs: Number(values["step-ms"]),
});
progress("under load");
await sleep(2_000);
const faults = await strikeAll();
await all.heal();
progress("healed");
const hasEnded = await all.finish(endWithinMs);
await collect();
await all.stop();
report();
process.exit();

async function strikeAll(): Promise<readonly Fault[]> {
  const allowed = values.only === undefined ? faultKinds : kindsIn(values.only);
  const struck: Fault[] = [];
  while (struck.length < Number(values.faults)) {
    const fault = await strike(chooseFault(random, allowed), all, random);
    struck.push(fault);
    progress(`${struck.length} ${fault.kind} ${fault.what}`);
    // One in four strikes what has not recovered yet.
    if (random() < 0.25) await sleep(random() * 1_000);
    else {
      await all.nodes.whenHealthy(nodes);
      await sleep(500 + random() * 3_000);
    }
  }
  return struck;
}

async function collect(): Promise<void> {
  const [first] = all.controlPlanes;
  await dumpLog(all.nodes.urls, path.join(dir, evidenceFiles.log));
  const client = first?.client(60_000);
  if (client === undefined) return;
  const accepted = all.loads.flatMap((load) => [...load.accepted]);
  await dumpViews(client, accepted, path.join(dir, evidenceFiles.views));
  client.close();
}

function report(): void {
  const evidence = readEvidence(dir);
  const verdict = checkEvidence(evidence);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  writeFileSync(path.join(dir, "faults.json"), `${JSON.stringify(faults, null, 1)}\n`);
  say([
    `${faults.length} faults in ${seconds} s, seed ${values.seed}`,
    `${all.count("accepted")} runs accepted, ${all.count("ended")} ended; ` +
      `${all.revived} times a service ended by itself and was started again`,
    ...(hasEnded ? [] : [`RUNS STILL OPEN ${endWithinMs / 1_000} s after all was healed`]),
    "",
    ...recoveryLines(faults, evidence.log),
    "",
    ...verdictLines(verdict),
    `evidence: ${dir}`,
  ]);
  const isGood = verdict.faults.length === 0 && hasEnded && faults.length > 0 && all.count("ended") > 0;
  process.exitCode = isGood ? 0 : 1;
}

function kindsIn(text: string): readonly FaultKind[] {
  return text.split(",").map((name) => {
    const kind = faultKinds.find((one) => one === name);
    if (kind === undefined) throw new Error(`no fault "${name}"; there are ${faultKinds.join(", ")}`);
    return kind;
  });
}

function progress(what: string): void {
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1);
  process.stderr.write(`${seconds} s, ${all.count("accepted")}/${all.count("ended")}: ${what}\n`);
}

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
