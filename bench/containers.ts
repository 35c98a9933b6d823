/**
 * `npm run bench:containers -- --faults N --seed S`: an installation that `af up` makes - three NATS nodes,
 * two control planes, two workers, each a container - under load, while each container in its turn is
 * killed, paused or cut from the network. Then every run has to end, the offline checker reads what is left,
 * and all of it has to be there after `af down` and `af up`. Exits 1 when it finds a fault, 2 when there is
 * no engine. `--check DIR` checks the evidence of an earlier run again.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { stackName } from "@agentflow/cluster";
import { ClusterLoad } from "./cluster/load.ts";
import { dumpViews } from "./cluster/dump.ts";
import { verdictLines } from "./cluster/report.ts";
import { benchEngine } from "./containers/engine.ts";
import { dumpStackLog } from "./containers/evidence.ts";
import { deck, type Fault, strike, whenWell } from "./containers/faults.ts";
import { startOutside } from "./containers/outside.ts";
import { containersProject } from "./containers/project.ts";
import { recoveryLines } from "./containers/report.ts";
import { watchForeign } from "./containers/share.ts";
import { UpStack } from "./containers/up-stack.ts";
import { writeProject } from "./embedded/project.ts";
import { checkEvidence } from "./kills/check.ts";
import { evidenceFiles, readEvidence } from "./kills/evidence.ts";
import { freePort, runDir, sleep } from "./lib/children.ts";
import { dice } from "./lib/dice.ts";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "21" },
    seed: { type: "string", default: "1" },
    "in-flight": { type: "string", default: "8" },
    "step-ms": { type: "string", default: "100" },
    name: { type: "string", default: "bench-containers" },
    base: { type: "string" },
    // Kinds and parts with commas: `pause,cut`, `nats`, `pause:control-plane`.
    only: { type: "string" },
    check: { type: "string" },
  },
});
/** Until the last run has ended, once all is well again. */
const endWithinMs = 180_000;
/** Longer than anything here is away: a client that gives up before is a fault. */
const retryForMs = 180_000;
const target = "bench";

if (values.check !== undefined) {
  const verdict = checkEvidence(readEvidence(values.check));
  say(verdictLines(verdict));
  process.exit(verdict.faults.length === 0 && verdict.runs > 0 ? 0 : 1);
}
const engine = await benchEngine().catch((error: unknown) => {
  process.stderr.write(`bench:containers: ${error instanceof Error ? error.message : String(error)}\n`);
  return process.exit(2);
});
const random = dice(Number(values.seed));
const dir = runDir(`containers-${values.seed}`);
const ledger = path.join(dir, evidenceFiles.calls);
const beganMs = performance.now();
const of = { project: values.name, target };
const project = path.join(dir, "project");
writeProject(
  project,
  containersProject({
    ...of,
    port: await freePort(),
    nats: 3,
    controlPlanes: 2,
    workers: 2,
    base: values.base,
  }),
);
const stack = new UpStack({ engine, dir: project, ...of });
let isGood = false;
try {
  isGood = await run();
} finally {
  await stack.remove();
  engine.close();
}
process.exit(isGood ? 0 : 1);

async function run(): Promise<boolean> {
  await stack.up();
  progress("up");
  const boxes = await stack.boxes();
  const name = `${stackName(of)}-outside`;
  const image = values.base ?? "node:24-slim";
  const outside = await startOutside(engine, { image, network: stackName(of), name, ledger });
  try {
    const foreign = watchForeign((command) => /containerd|dockerd/.test(command));
    const clients = await stack.clients(retryForMs);
    const loads = clients.map(
      (client, i) =>
        new ClusterLoad({
          client,
          overSocket: i === 1,
          inFlight: Number(values["in-flight"]),
          ledger,
          told: path.join(dir, evidenceFiles.told),
          stepMs: Number(values["step-ms"]),
        }),
    );
    for (const load of loads) load.start();
    await sleep(2_000);
    const faults = await strikeAll(boxes, () => count(loads));
    await whenWell(engine, boxes);
    progress("all is well again", count(loads));
    const finished = await Promise.all(loads.map((load) => load.finish(endWithinMs)));
    const share = foreign();
    const accepted = loads.flatMap((load) => [...load.accepted]);
    await dumpStackLog({ engine, stack, dir }, path.join(dir, evidenceFiles.log));
    const [first] = clients;
    if (first !== undefined) await dumpViews(first, accepted, path.join(dir, evidenceFiles.views));
    for (const client of clients) client.close();
    const kept = await keptAcross(accepted, () => outside.end());
    return report({ faults, hasEnded: finished.every(Boolean), share, counts: count(loads), kept });
  } finally {
    await outside.end();
  }
}

async function strikeAll(
  boxes: Awaited<ReturnType<UpStack["boxes"]>>,
  counts: () => Counts,
): Promise<readonly Fault[]> {
  const struck: Fault[] = [];
  for (const [kind, box] of deck(boxes, random, values.only)) {
    if (struck.length >= Number(values.faults)) break;
    const fault = await strike(engine, { kind, box }, random);
    struck.push(fault);
    progress(`${struck.length} ${kind} ${fault.what}`, counts());
    // Two of three nodes have to be there, and the third with what it missed.
    await whenWell(engine, boxes);
    await sleep(500 + random() * 2_500);
  }
  return struck;
}

interface Counts {
  readonly accepted: number;
  readonly ended: number;
}

function count(loads: readonly ClusterLoad[]): Counts {
  const sum = (what: "accepted" | "ended"): number => loads.reduce((all, load) => all + load[what].size, 0);
  return { accepted: sum("accepted"), ended: sum("ended") };
}

/** How many of the runs are there as before, once all containers were removed and made anew. */
async function keptAcross(accepted: readonly string[], before: () => Promise<void>): Promise<number> {
  await before();
  await stack.down();
  await stack.up();
  const [client] = await stack.clients(retryForMs);
  let kept = 0;
  for (const run of accepted) {
    const view = await client?.runs.get(run).catch(() => undefined);
    if (view?.status === "completed") kept++;
  }
  client?.close();
  progress(`${kept} runs are there after down and up`);
  return kept;
}

function report(of: {
  readonly faults: readonly Fault[];
  readonly hasEnded: boolean;
  readonly share: number;
  readonly counts: Counts;
  readonly kept: number;
}): boolean {
  const { faults, hasEnded, share, counts, kept } = of;
  const evidence = readEvidence(dir);
  const verdict = checkEvidence(evidence);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  writeFileSync(path.join(dir, "faults.json"), `${JSON.stringify(faults, null, 1)}\n`);
  say([
    `${faults.length} faults in ${seconds} s, seed ${values.seed}`,
    `others took ${share.toFixed(2)} of the CPU`,
    `${counts.accepted} runs accepted, ${counts.ended} ended; ${kept} are there after down and up`,
    ...(hasEnded ? [] : [`RUNS STILL OPEN ${endWithinMs / 1_000} s after all was well again`]),
    "",
    ...recoveryLines(faults, evidence.log),
    "",
    ...verdictLines(verdict),
    `evidence: ${dir}`,
  ]);
  const isWhole = kept === counts.accepted && counts.ended === counts.accepted && counts.ended > 0;
  return verdict.faults.length === 0 && hasEnded && faults.length > 0 && isWhole;
}

function progress(what: string, counts?: Counts): void {
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1);
  const runs = counts === undefined ? "" : `, ${counts.accepted}/${counts.ended}`;
  process.stderr.write(`${seconds} s${runs}: ${what}\n`);
}

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
