/**
 * `npm run bench:logs -- --seconds 600 --rate 10000 --replace-every 20 [--restart-every S]
 * [--stall-every S] [--on docker]`: a tool writes numbered lines, `af logs -f` shows them, workers are
 * replaced meanwhile (and the control plane killed, and the reader stopped). Exits 1 when a line is missing,
 * comes twice or out of the order of its source. The processes are plain ones on a nats-server; with `--on
 * docker` those of an installation that `af up` makes, whose workers are restarted, killed, scaled and given
 * new code in turn.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { afBin } from "./embedded/dev.ts";
import { endWithUs, NODE, runDir, sleep } from "./lib/children.ts";
import { processTable } from "./lib/process-table.ts";
import { LineCheck } from "./logs/check.ts";
import { dockerPlace } from "./logs/docker.ts";
import { parseSaid } from "./logs/parse-said.ts";
import { plainPlace } from "./logs/plain.ts";

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "plain" },
    /** Of the project that `--on docker` makes containers for. */
    name: { type: "string", default: "bench-logs" },
    seconds: { type: "string", default: "60" },
    rate: { type: "string", default: "10000" },
    "replace-every": { type: "string", default: "20" },
    "restart-every": { type: "string", default: "0" },
    // The reader stands still for a while this often.
    "stall-every": { type: "string", default: "0" },
    form: { type: "string", default: "short" },
    // How many tools write at the same time; each run writes for so long.
    writers: { type: "string", default: "4" },
    "run-ms": { type: "string", default: "4000" },
  },
});
const seconds = Number(values.seconds);
const writers = Number(values.writers);
const dir = runDir("logs");
const place = await (values.on === "docker" ? dockerPlace : plainPlace)({
  dir,
  slots: writers,
  name: values.name,
});
const { client } = place;
const afLogs = "af logs";
let check = new LineCheck();
const losses: string[] = [];
const replaced = new Map<string, number>();
const logs = startLogs();
const written = new Map<string, number>();
let failed = 0;
const run = { stopping: false };
await untilFollowing();
const samples: Sample[] = [];
const began = performance.now();
const sampling = setInterval(() => samples.push(sample()), 1_000);
const writing = Array.from({ length: writers }, () => write());
const every = (name: "replace-every" | "restart-every" | "stall-every"): number =>
  Number(values[name]) * 1_000;
const others = [
  repeat(every("replace-every"), replaceWorker),
  repeat(every("restart-every"), () => place.restartServer()),
  repeat(every("stall-every"), stall),
];
const first = sample();
await sleep(seconds * 1_000);
run.stopping = true;
await Promise.all([...writing, ...others]);
const tookS = (performance.now() - began) / 1_000;
clearInterval(sampling);
// A container also printed what runs before these said.
const ours = new Set([...written.keys()].map(runOf));
for (const [source, count] of place.cutOff) {
  if (ours.has(runOf(source)) && !written.has(source)) written.set(source, count);
}
for (let tries = 0; tries < 300 && !check.has(written); tries++) await sleep(100);
const last = sample();
report();
logs.kill("SIGINT");
await sleep(500);
await place.end();
process.exit();

function startLogs(): ChildProcess {
  const words = ["logs", "-f", "--tail", "0", "--source", "tool", "-o", values.form];
  const child = endWithUs(
    spawn(NODE, [afBin, ...words, ...place.words], {
      env: place.environment,
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on("line", (line) => {
      check.take(line);
      if (line.includes("lost here")) losses.push(line);
    });
  return child;
}

/**
 * Lines count once a whole run has been shown: nobody knows when a process follows, and of the run in which
 * it begins to, the first lines may be missing.
 */
async function untilFollowing(): Promise<void> {
  const written = new Map<string, number>();
  while (written.size === 0 || !check.has(written)) {
    written.clear();
    const answer = await client.runs.startAndWait("say", { rate: 20, ms: 500 });
    const said = answer.status === "completed" ? parseSaid(answer.output) : undefined;
    if (said !== undefined) written.set(`${answer.run}#${said.attempt}`, said.count);
    for (let tries = 0; tries < 20 && !check.has(written); tries++) await sleep(100);
  }
  check = new LineCheck();
}

function runOf(source: string): string {
  return source.replace(/#\d+$/, "");
}

async function write(): Promise<void> {
  const input = { rate: Number(values.rate) / writers, ms: Number(values["run-ms"]) };
  while (!run.stopping) {
    const answer = await client.runs.startAndWait("say", input).catch(() => undefined);
    const said = answer?.status === "completed" ? parseSaid(answer.output) : undefined;
    if (answer === undefined || said === undefined) failed++;
    else written.set(`${answer.run}#${said.attempt}`, said.count);
  }
}

async function repeat(everyMs: number, act: () => Promise<void>): Promise<void> {
  if (everyMs === 0) return;
  while (!run.stopping) {
    await sleep(everyMs);
    await act();
  }
}

async function replaceWorker(): Promise<void> {
  const how = await place.replaceWorker().catch((error: unknown) => {
    writeSync(2, `${error instanceof Error ? error.message : String(error)}\n`);
    return "not replaced";
  });
  replaced.set(how, (replaced.get(how) ?? 0) + 1);
}

async function stall(): Promise<void> {
  logs.kill("SIGSTOP");
  await sleep(3_000);
  logs.kill("SIGCONT");
}

interface Sample {
  readonly atMs: number;
  readonly processes: ReadonlyMap<string, Facts>;
}

interface Facts {
  readonly cpuS: number;
  readonly rssMiB: number;
}

function sample(): Sample {
  const table = processTable();
  const of = (pid: number | undefined): Facts => {
    const facts = table.get(pid ?? -1);
    return { cpuS: (facts?.ticks ?? 0) / 100, rssMiB: Math.round((facts?.rssBytes ?? 0) / 1_048_576) };
  };
  const pids = new Map([[afLogs, logs.pid], ...place.pids()]);
  const processes = new Map([...pids].map(([name, pid]) => [name, of(pid)] as const));
  return { atMs: performance.now(), processes };
}

function report(): void {
  const faults = check.faults(written);
  const lines = [...written.values()].reduce((sum, count) => sum + count, 0);
  const wallS = (last.atMs - first.atMs) / 1_000;
  const names = [...last.processes.keys()];
  const cores = names.map((name) => {
    const usedS = (last.processes.get(name)?.cpuS ?? 0) - (first.processes.get(name)?.cpuS ?? 0);
    return `${name} ${(usedS / wallS).toFixed(2)}`;
  });
  const quarter = samples.slice(Math.floor(samples.length / 4));
  const memory = names.map((name) => {
    const all = quarter.map(({ processes }) => processes.get(name)?.rssMiB ?? 0);
    const [begins = 0, ends = 0, most] = [all[0], all.at(-1), Math.max(0, ...all)];
    const text = `${begins} MiB after a quarter, ${ends} last, ${most} at most`;
    return `memory of ${name}: ${text}`;
  });
  const rows = [
    `${written.size} runs, ${failed} failed; ${lines} lines in ${tookS.toFixed(0)} s ` +
      `(${Math.round(lines / tookS)} a second), ${check.taken} came`,
    `missing ${faults.missing}, repeated ${faults.repeated}, out of order ${faults.outOfOrder}`,
    ...faults.examples.map((example) => `  ${example}`),
    ...losses.slice(0, 10),
    `workers replaced: ${[...replaced].map(([how, times]) => `${how} ${times}`).join(", ") || "none"}; ` +
      `${place.cutOff.size} attempts were cut off`,
    `cores: ${cores.join(", ")}`,
    ...memory,
  ];
  writeSync(1, `${rows.join("\n")}\n`);
  const bad = faults.missing + faults.repeated + faults.outOfOrder;
  process.exitCode = bad === 0 && lines > 0 ? 0 : 1;
}
