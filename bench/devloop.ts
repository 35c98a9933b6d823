/**
 * `npm run bench:devloop`: what a developer waits for, measured against its budget with the real `af`. Takes
 * some minutes; `--quick` does a fifth of it. Exits 1 when a budget is missed.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { costOf } from "./dev-loop/start-up.ts";
import { type Death, blows, dieAndGoOn } from "./dev-loop/death.ts";
import { cpuToFirstRequest } from "./dev-loop/first-request.ts";
import { measureInit } from "./dev-loop/init.ts";
import { startPoller } from "./dev-loop/poller.ts";
import { save } from "./dev-loop/saves.ts";
import { type Dev, startDev } from "./embedded/dev.ts";
import { loopProject, writeProject } from "./embedded/project.ts";
import { spreadOf } from "./harness/quantiles.ts";
import { figure } from "./harness/table.ts";
import { runDir, sleep } from "./lib/children.ts";
import { probeFsync } from "./lib/fsync-probe.ts";
import { machineSeconds, processTable, pssBytes } from "./lib/process-table.ts";

interface Row {
  readonly what: string;
  readonly value: string;
  readonly budget: string;
  readonly ok: boolean;
}

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const times = (count: number): number => (values.quick ? Math.ceil(count / 5) : count);
const rows: Row[] = [];
const root = runDir("devloop");
const dir = path.join(root, "project");
let version = 0;

const before = machineSeconds();
await init();
await starts();
let dev = await startDev({ dir });
try {
  await saves();
  await reloads();
  await commands();
  await deaths();
} finally {
  await dev.stop();
}
print();
process.exit();

async function init(): Promise<void> {
  const folder = path.join(root, "init");
  mkdirSync(folder, { recursive: true });
  const { seconds, megabytes, problem } = measureInit(folder);
  if (problem !== undefined) row("af init with install", problem, { budget: "≤ 10 s", ok: false });
  else row("af init with install, s", figure(seconds), { budget: "≤ 10", ok: seconds <= 10 });
  row("its folder, MB", figure(megabytes), { budget: "≤ 60", ok: problem === undefined && megabytes <= 60 });
}

async function starts(): Promise<void> {
  const ready: number[] = [];
  for (let i = 0; i < times(10); i++) {
    writeProject(dir, loopProject());
    const started = await startDev({ dir });
    ready.push(started.readyMs);
    await started.stop();
  }
  const { p50, max } = spreadOf(ready);
  row(`af dev ready, ms: p50 / worst of ${ready.length}`, `${figure(p50)} / ${figure(max)}`, {
    budget: "≤ 1,500",
    ok: p50 <= 1_500,
  });
}

async function saves(): Promise<void> {
  const client = dev.client();
  await client.runs.startAndWait("quick", {});
  const { rss, pss } = memory(dev);
  row("memory of the tree, MB: RSS / PSS", `${figure(rss)} / ${figure(pss)}`, {
    budget: "≤ 250",
    ok: rss <= 250,
  });
  const poller = startPoller(dev.url);
  const took: number[] = [];
  for (let i = 0; i < times(20); i++) {
    took.push(await save({ dir, client, version: ++version, askEveryMs: 10 }));
    await sleep(200);
  }
  poller.stop();
  client.close();
  const { p50, p95 } = spreadOf(took);
  row(`save to new code, ms: p50 of ${took.length}`, figure(p50), { budget: "≤ 300", ok: p50 <= 300 });
  row("save to new code, ms: p95", figure(p95), { budget: "≤ 600", ok: p95 <= 600 });
  const failures = Object.entries(poller.failed).map(([code, count]) => `${count} ${code}`);
  row(`connections that failed meanwhile, of ${poller.asked}`, failures.join(", ") || "0", {
    budget: "0",
    ok: failures.length === 0 && poller.asked > 0,
  });
}

async function reloads(): Promise<void> {
  const client = dev.client();
  await sleep(1_000);
  const first = memory(dev);
  const count = times(50);
  for (let i = 0; i < count; i++) await save({ dir, client, version: ++version, askEveryMs: 100 });
  await sleep(2_000);
  const last = memory(dev);
  client.close();
  const both = (of: { rss: number; pss: number }): string => `${figure(of.rss)} / ${figure(of.pss)}`;
  row(`the same before and after ${count} reloads`, `${both(first)}, ${both(last)}`, {
    budget: "≤ 250 RSS, +5 % at most",
    ok: last.rss <= 250 && last.rss <= first.rss * 1.05,
  });
}

async function commands(): Promise<void> {
  const all = [
    { words: ["--version"], most: 60 },
    { words: ["--help"], most: 180 },
  ];
  for (const { words, most } of all) {
    const { cpuMs, wallMs, status } = costOf(words, dir, times(20));
    const value = status === 0 ? `${figure(cpuMs)} (wall ${figure(wallMs)})` : `exit ${status}`;
    row(`af ${words.join(" ")}, CPU ms`, value, { budget: `≤ ${most}`, ok: status === 0 && cpuMs <= most });
  }
  const listMs = await cpuToFirstRequest(["run", "list"], dir, times(20));
  row("af run list, CPU ms before its first request", figure(listMs), { budget: "≤ 180", ok: listMs <= 180 });
}

async function deaths(): Promise<void> {
  const all: Death[] = [];
  for (const blow of blows(times(100), 400)) {
    const death = await dieAndGoOn(dev, blow);
    dev = death.dev;
    all.push(death);
    const { wentOnMs = Number.NaN, fate } = death;
    process.stderr.write(
      `  ${blow.part}${blow.blocking ? ", blocked" : ""}: ${figure(wentOnMs)} ms, ${fate}\n`,
    );
  }
  const { p50, p95, max } = spreadOf(all.map(({ wentOnMs }) => wentOnMs ?? Number.POSITIVE_INFINITY));
  row(
    `kill -9 and restart to the run going on, ms: p50 / p95 / worst of ${all.length}`,
    `${figure(p50)} / ${figure(p95)} / ${figure(max)}`,
    { budget: "≤ 2,000", ok: max <= 2_000 },
  );
  none(
    "runs lost",
    all.flatMap(({ fate }) => (fate === "lost" ? [fate] : [])),
  );
  none(
    "runs stuck",
    all.flatMap(({ fate }) => (fate === "stuck" ? [fate] : [])),
  );
  none(
    "finished steps that were repeated",
    all.flatMap(({ repeatedSteps }) => (repeatedSteps > 0 ? [`${repeatedSteps}`] : [])),
  );
  none(
    "orphans a second after",
    all.flatMap(({ orphans }) => orphans),
  );
}

function none(what: string, found: readonly string[]): void {
  const value = found.length === 0 ? "0" : `${found.length}: ${found.slice(0, 5).join("; ")}`;
  row(what, value, { budget: "0", ok: found.length === 0 });
}

/** Megabytes of the whole tree. */
function memory(of: Dev): { readonly rss: number; readonly pss: number } {
  const table = processTable();
  const tree = of.tree();
  const sum = (bytes: (pid: number) => number): number =>
    tree.reduce((total, pid) => total + bytes(pid), 0) / 2 ** 20;
  return { rss: sum((pid) => table.get(pid)?.rssBytes ?? 0), pss: sum(pssBytes) };
}

function row(what: string, value: string, against: { readonly budget: string; readonly ok: boolean }): void {
  rows.push({ what, value, ...against });
  process.stderr.write(`${what}: ${value}\n`);
}

function print(): void {
  const after = machineSeconds();
  const busy = ((after.busy - before.busy) / (after.total - before.total)).toFixed(2);
  const { p50, p95 } = probeFsync();
  const lines = [
    `${new Date().toISOString()} · Node ${process.version} · machine busy ${busy} · ` +
      `fdatasync p50/p95 ${figure(p50)}/${figure(p95)} ms`,
    "",
    "| what | measured | budget | |",
    "| --- | --- | --- | --- |",
    ...rows.map(({ what, value, budget, ok }) => `| ${what} | ${value} | ${budget} | ${ok ? "ok" : "✗"} |`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
}
