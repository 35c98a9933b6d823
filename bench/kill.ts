/**
 * `npm run bench:kill -- --kills N --seed S`: runs in flight on a real `af dev` while its processes are
 * killed with SIGKILL at random; then every history is read. Exits 1 when a run was lost, a result was
 * recorded twice, a history has a hole, or a run did not end.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { type Dev, startDev } from "./embedded/dev.ts";
import { ledgerProject, writeProject } from "./embedded/project.ts";
import { spreadOf } from "./harness/quantiles.ts";
import { figure } from "./harness/table.ts";
import { type History, faultsOf, readHistory } from "./kills/history.ts";
import { checkLedger } from "./kills/ledger.ts";
import { RunLoad } from "./kills/load.ts";
import { type Kill, type Recovery, recoveries } from "./kills/recovery.ts";
import { freePort, killPid, runDir, sleep } from "./lib/children.ts";
import { dice } from "./lib/dice.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    "in-flight": { type: "string", default: "16" },
    "step-ms": { type: "string", default: "20" },
    // One kind alone: runner, supervisor, control, tree, or stopped (paused for three leases).
    only: { type: "string" },
  },
});
const kinds: readonly What[] = ["runner", "supervisor", "control", "tree", "stopped"];
const threeLeasesMs = 9_500;
const random = dice(Number(values.seed));
const dir = runDir("kill");
const ledger = path.join(dir, "ledger.jsonl");
const projectDir = path.join(dir, "project");
writeProject(projectDir, ledgerProject());

const port = await freePort();
let dev = await startDev({ dir: projectDir, port });
const load = new RunLoad({
  client: dev.client(120_000),
  inFlight: Number(values["in-flight"]),
  ledger,
  stepMs: Number(values["step-ms"]),
});
const beganMs = performance.now();
load.start();
await sleep(1_000);
const kills: Kill[] = [];
while (kills.length < Number(values.kills)) {
  // From the midst of a recovery to well after it.
  await sleep(20 + random() ** 2 * 1_200);
  const kill = await killOne(choose());
  if (kill === undefined) continue;
  kills.push(kill);
  if (kills.length % 50 === 0) process.stderr.write(`${kills.length} kills, ${load.ended.size} runs ended\n`);
}
const allEnded = await load.finish(60_000);
await report(allEnded);
await dev.stop();
process.exit();

type What = "runner" | "supervisor" | "control" | "tree" | "stopped";

function choose(): What {
  const only = kinds.find((kind) => kind === values.only);
  if (only !== undefined) return only;
  const roll = random();
  if (roll < 0.4) return "runner";
  if (roll < 0.65) return "supervisor";
  return roll < 0.85 ? "control" : "tree";
}

/** Undefined when what was to be killed is just being started again. */
async function killOne(what: What): Promise<Kill | undefined> {
  if (what === "stopped") return pause();
  if (what === "runner" || what === "supervisor") {
    const pid = what === "runner" ? dev.runners()[0] : dev.supervisor();
    const atMs = Date.now();
    return pid !== undefined && killPid(pid) ? { what, atMs } : undefined;
  }
  const gone = dev.kill(what);
  // The signals are sent; what the log shows from here on is recovery.
  const atMs = Date.now();
  await gone;
  dev = await restart();
  return { what, atMs };
}

/** A worker that is paused until its leases are long gone, and then goes on as if nothing had been. */
async function pause(): Promise<Kill | undefined> {
  const pid = dev.supervisor();
  if (pid === undefined) return undefined;
  process.kill(pid, "SIGSTOP");
  await sleep(threeLeasesMs);
  process.kill(pid, "SIGCONT");
  return { what: "stopped", atMs: Date.now() };
}

function restart(): Promise<Dev> {
  return startDev({ dir: projectDir, port });
}

async function report(ended: boolean): Promise<void> {
  const client = dev.client();
  const histories: History[] = [];
  const faults: string[] = [];
  for (const run of load.accepted) {
    try {
      const history = await readHistory(client, run);
      histories.push(history);
      faults.push(...faultsOf(history));
    } catch (error) {
      faults.push(`${run}: accepted, and now ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  client.close();
  const outside = checkLedger(ledger, new Set(load.ended.keys()));
  faults.push(...outside.faults, ...load.complaints.map((complaint) => `client: ${complaint}`));
  if (!ended)
    faults.push(`${load.accepted.size - load.ended.size} runs had not ended a minute after the last kill`);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  process.stdout.write(
    [
      `${kills.length} kills, seed ${values.seed}, ${values["in-flight"]} runs in flight, ${seconds} s`,
      `${load.accepted.size} runs accepted, ${load.ended.size} ended, ${outside.calls} calls of which ` +
        `${outside.repeated} were repeats under the same key`,
      "",
      "| killed | times | first progress p50 / p99 ms | every run in flight p50 / p99 ms |",
      "| --- | --- | --- | --- |",
      ...recoveryRows(recoveries(kills, histories)),
      "",
      faults.length === 0
        ? "0 runs lost, 0 results recorded twice, 0 holes, every run ended"
        : `${faults.length} FAULTS\n${faults.slice(0, 40).join("\n")}`,
      "",
    ].join("\n"),
  );
  process.exitCode = faults.length === 0 && kills.length > 0 && load.ended.size > 0 ? 0 : 1;
}

function recoveryRows(all: readonly Recovery[]): string[] {
  const seen = kinds.filter((kind) => all.some(({ what }) => what === kind));
  return [...seen, "all"].map((kind) => {
    const some = kind === "all" ? all : all.filter(({ what }) => what === kind);
    const spread = (pick: (one: Recovery) => number | undefined): string => {
      const { n, p50, p99 } = spreadOf(some.flatMap((one) => pick(one) ?? []));
      return n === 0 ? "–" : `${figure(p50)} / ${figure(p99)}`;
    };
    const [first, every] = [spread(({ firstMs }) => firstMs), spread(({ allMs }) => allMs)];
    return `| ${kind} | ${some.length} | ${first} | ${every} |`;
  });
}
