/**
 * `npm run bench:tenants -- --on nats|embedded --backlog N`: one tenant's latency by itself, then beside a
 * tenant that has N runs queued, many of them hung. Exits 1 when the quiet tenant's p95 is twice what it was,
 * when one of its runs failed, or when not all of the N were queued at one time.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { tenantsProject, writeProject } from "./embedded/project.ts";
import { type Spread, spreadOf } from "./harness/quantiles.ts";
import { figure } from "./harness/table.ts";
import { startEmbedded } from "./installation/embedded.ts";
import { cpuSeconds, memoryText, residentBytes } from "./installation/memory.ts";
import type { Installation } from "./installation/services.ts";
import { startServices } from "./installation/services.ts";
import { runDir, sleep } from "./lib/children.ts";
import { machineSeconds } from "./lib/process-table.ts";
import { NoisyClient } from "./tenants/noisy-client.ts";
import { quietRuns } from "./tenants/quiet.ts";

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "nats" },
    backlog: { type: "string", default: "100000" },
    servers: { type: "string", default: "1" },
    slots: { type: "string", default: "16" },
    /** Share of the noisy tenant's runs whose step hangs, and until when. */
    hung: { type: "string", default: "0.5" },
    "hang-for": { type: "string", default: "30s" },
    "every-ms": { type: "string", default: "50" },
    /** Of the quiet tenant in each phase. */
    runs: { type: "string", default: "400" },
    "in-flight": { type: "string", default: "256" },
    "cancels-in-flight": { type: "string", default: "64" },
  },
});
const backlog = Number(values.backlog);
const hungShare = Number(values.hung);
const dir = runDir(`tenants-${values.on}`);
const project = path.join(dir, "project");
writeProject(project, tenantsProject(values["hang-for"]));
const tenants = ["quiet", "noisy"];
const asked = { dir, project, tenants, slots: Number(values.slots) };
const installation: Installation =
  values.on === "embedded"
    ? await startEmbedded(asked)
    : await startServices({ ...asked, servers: Number(values.servers) });
const faults: string[] = [];
const session = installation.client("quiet").session();
const rows: Row[] = [];
const noisyClient = installation.client("noisy");
const noisy = new NoisyClient();

interface Row extends Spread {
  readonly phase: string;
  readonly memory: string;
  readonly others: number;
}

await quietRuns({ session, everyMs: 20, runs: 200, giveUpMs: 60_000 });
await phase("alone");
const starting = noisy.start({
  url: installation.url,
  token: installation.keyOf("noisy"),
  runs: backlog,
  inFlight: Number(values["in-flight"]),
  hungShare,
});
await phase("while the noisy tenant starts", starting);
const { accepted, refused, seconds: startSeconds } = await starting;
const queued = await openRuns();
if (queued < backlog * 0.95) faults.push(`only ${queued} runs of the noisy tenant were open at one time`);
await phase(`beside ${queued} open runs`);
const cancelling = noisy.cancel(Number(values["cancels-in-flight"]));
await phase("while they are cancelled", cancelling);
const { cancelled, ended, seconds: cancelSeconds } = await cancelling;
await sleep(2_000);
await phase("after");
report();
session.close();
noisy.close();
noisyClient.close();
await installation.stop();
process.exit();

/** The quiet tenant's runs, and what memory they found; goes on in rounds until that is settled. */
async function phase(name: string, until: Promise<unknown> = Promise.resolve()): Promise<void> {
  const latencies: number[] = [];
  const before = machineSeconds();
  const cpuBefore = cpuSeconds(installation.pids);
  const over = until.then(() => "over" as const);
  for (let state: "over" | "on" = "on"; state !== "over"; ) {
    const everyMs = Number(values["every-ms"]);
    const round = await quietRuns({ session, everyMs, runs: Number(values.runs), giveUpMs: 60_000 });
    latencies.push(...round.latenciesMs);
    faults.push(...round.faults.slice(0, 5).map((fault) => `${name}: ${fault}`));
    const broken = installation.broken();
    if (broken !== undefined) throw new Error(`${broken}; see ${dir}`);
    state = await Promise.race([over, sleep(0).then(() => "on" as const)]);
  }
  const after = machineSeconds();
  const others = (after.busy - before.busy) / (after.total - before.total);
  const memory = memoryText(residentBytes(installation.pids));
  rows.push({ phase: name, ...spreadOf(latencies), memory, others });
  const { p50, p95 } = spreadOf(latencies);
  const cpu = Object.entries(cpuSeconds(installation.pids)).map(
    ([label, seconds]) => `${label} ${(seconds - (cpuBefore[label] ?? 0)).toFixed(1)}`,
  );
  process.stderr.write(
    `${name}: p50 ${figure(p50)} p95 ${figure(p95)} ms; MiB ${memory}; CPU s ${cpu.join(", ")}\n`,
  );
}

/** Runs of the noisy tenant that have not ended, as its own status says. */
async function openRuns(): Promise<number> {
  const { runs } = await noisyClient.status();
  return (runs.running ?? 0) + (runs.parked ?? 0);
}

function report(): void {
  const [base] = rows;
  const ratio = (row: Row): number => row.p95 / (base?.p95 ?? Number.NaN);
  for (const row of rows.filter(({ phase: name }) => name.startsWith("beside"))) {
    if (!(ratio(row) < 2)) faults.push(`p95 is ${figure(ratio(row))} times the baseline`);
  }
  const said = Object.entries(refused)
    .map(([why, count]) => `${why} ${count}`)
    .join(", ");
  process.stdout.write(
    [
      `${values.on}, ${backlog} runs of a noisy tenant, ${hungShare * 100} % hung for ` +
        `${values["hang-for"]}; ${values.slots} slots a tenant; ` +
        `the quiet one starts a run of two steps each ${values["every-ms"]} ms`,
      "",
      "| quiet tenant | runs | p50 ms | p95 ms | p99 ms | max ms | p95, against alone | CPU busy | RSS MiB |",
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
      ...rows.map((row) => {
        const cells = [row.p50, row.p95, row.p99, row.max, ratio(row)].map(figure);
        const busy = `${(row.others * 100).toFixed(0)} %`;
        return `| ${[row.phase, row.n, ...cells, busy, row.memory].join(" | ")} |`;
      }),
      "",
      `noisy: ${accepted} accepted in ${startSeconds.toFixed(1)} s, refused: ${said || "none"}`,
      `cancel: ${cancelled} cancelled (${ended} had ended) in ${cancelSeconds.toFixed(1)} s`,
      "",
      faults.length === 0
        ? "within the promise"
        : `${faults.length} FAULTS\n${faults.slice(0, 20).join("\n")}`,
      "",
    ].join("\n"),
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}
