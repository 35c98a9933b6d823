/**
 * `npm run bench:archive -- --runs N`: N runs to their end on services, then all of them into archives. What
 * stays of them in nats-server and on disk, how fast archiving is and what it costs those who work meanwhile,
 * and how long it takes to read an archived run. Exits 1 when nats-server does not return the memory, when a
 * read takes more than 50 ms at p95, or when a run is gone.
 */
import { execFile } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { parseJetStream, type JetStreamFacts } from "./archive/parse-jetstream.ts";
import { afBin } from "./embedded/dev.ts";
import { tenantsProject, writeProject } from "./embedded/project.ts";
import { type Spread, spreadOf } from "./harness/quantiles.ts";
import { figure } from "./harness/table.ts";
import { memoryText, residentBytes } from "./installation/memory.ts";
import { startServices } from "./installation/services.ts";
import { NODE, runDir, sleep } from "./lib/children.ts";
import { dice } from "./lib/dice.ts";
import { quietRuns } from "./tenants/quiet.ts";

const execute = promisify(execFile);
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200000" },
    "in-flight": { type: "string", default: "256" },
    /** Archived runs that are read, at random. */
    reads: { type: "string", default: "300" },
    /** So long nats-server is given to return what it has freed: its runtime does that minute by minute. */
    "settle-s": { type: "string", default: "600" },
  },
});
const runs = Number(values.runs);
const dir = runDir("archive");
const project = path.join(dir, "project");
writeProject(project, tenantsProject("10s"));
const services = await startServices({
  dir,
  project,
  tenants: ["default"],
  slots: 64,
  // Every ended run may go, however young it is, but on demand alone.
  env: { AF_ENGINE__ARCHIVEIDAGEMS: "1000", AF_RETAIN__RUNS: "100000000" },
});
const client = services.client("default");
const session = client.session();
const faults: string[] = [];
const rows: string[] = [];
const latencies: { readonly name: string; readonly spread: Spread }[] = [];

await quietRuns({ session, everyMs: 10, runs: 300, giveUpMs: 60_000 });
await working("work by itself");
const before = await look("before");
const ids = await fill();
await sleep(2_000);
const after = await look(`after ${runs} runs`);
const archived = await archiveAll();
await look("archived");
const settledS = await settle();
const end = await look(`archived, ${settledS} s later`);
await readArchived();
await restart();
report();
session.close();
client.close();
await services.stop();
process.exit();

/** Latency of a run of two steps, one each 50 ms, until that is settled. */
async function working(name: string, until: Promise<unknown> = Promise.resolve()): Promise<void> {
  const all: number[] = [];
  const over = until.then(() => "over" as const);
  for (let state: "over" | "on" = "on"; state !== "over"; ) {
    const { latenciesMs, faults: found } = await quietRuns({
      session,
      everyMs: 50,
      runs: 40,
      giveUpMs: 60_000,
    });
    all.push(...latenciesMs);
    faults.push(...found.slice(0, 3).map((fault) => `${name}: ${fault}`));
    state = await Promise.race([over, sleep(0).then(() => "on" as const)]);
  }
  latencies.push({ name, spread: spreadOf(all) });
}

async function fill(): Promise<string[]> {
  const started: string[] = [];
  const beganMs = performance.now();
  const loop = async (): Promise<void> => {
    while (started.length < runs) {
      const run = client.newRunId();
      if (started.push(run) % 20_000 === 0) process.stderr.write(`${started.length} runs\n`);
      const { status } = await session.start("two", { n: 0 }, { run });
      if (status !== "completed") faults.push(`${run} ${status}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values["in-flight"]) }, loop));
  const seconds = (performance.now() - beganMs) / 1_000;
  rows.push(`${runs} runs of two steps in ${seconds.toFixed(1)} s: ${(runs / seconds).toFixed(0)} a second`);
  return started;
}

/** By the operator's own command, with work going on beside it. */
async function archiveAll(): Promise<number> {
  const beganMs = performance.now();
  const words = ["run", "archive", "--keep", "0", "--url", services.url, "--json"];
  const env = { ...process.env, AF_TOKEN: services.keyOf("default") };
  const archiving = execute(NODE, [afBin, ...words], { env });
  await working("while archiving", archiving);
  const { stdout } = await archiving;
  const seconds = (performance.now() - beganMs) / 1_000;
  const count = Number(/"archived":\s*(\d+)/.exec(stdout)?.[1] ?? 0);
  rows.push(`${count} archived in ${seconds.toFixed(1)} s: ${(count / seconds).toFixed(0)} a second`);
  if (count < runs) faults.push(`only ${count} of ${runs} were archived`);
  return count;
}

/** Until nats-server has returned what the runs took, or the time is over; how long that was. */
async function settle(): Promise<number> {
  const beganMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - beganMs) / 1_000);
  while (seconds() < Number(values["settle-s"]) && !isReturned(natsBytes())) await sleep(5_000);
  return seconds();
}

function natsBytes(): number {
  return residentBytes({ nats: services.nats.pid })["nats"] ?? 0;
}

/** At most a tenth of what the runs took is left, besides buffers that a server keeps once it has worked. */
function isReturned(rss: number): boolean {
  return rss - before.rss <= (after.rss - before.rss) / 10 + 32 * 1024 * 1024;
}

async function readArchived(): Promise<void> {
  const random = dice(1);
  const times: { readonly get: number[]; readonly events: number[] } = { get: [], events: [] };
  for (let n = 0; n < Number(values.reads); n++) {
    const run = ids[Math.floor(random() * ids.length)] ?? "";
    const beganMs = performance.now();
    const view = await client.runs.get(run);
    times.get.push(performance.now() - beganMs);
    if (view.status !== "completed") faults.push(`${run} reads as ${view.status}`);
    const eventsMs = performance.now();
    const { events } = await client.runs.events(run);
    times.events.push(performance.now() - eventsMs);
    if (events.length < 5) faults.push(`${run} has ${events.length} events`);
  }
  const listed: number[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < 50; n++) {
    const beganMs = performance.now();
    const page = await client.runs.list({ limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    listed.push(performance.now() - beganMs);
    cursor = page.cursor;
  }
  const whole: number[] = [];
  for (let n = 0; n < 10; n++) {
    const run = ids[Math.floor(random() * ids.length)] ?? "";
    const env = { ...process.env, AF_TOKEN: services.keyOf("default") };
    const beganMs = performance.now();
    await execute(NODE, [afBin, "run", "get", run, "--url", services.url, "--json"], { env });
    whole.push(performance.now() - beganMs);
  }
  for (const [name, all] of [
    ["GET of an archived run", times.get],
    ["its events", times.events],
    ["a page of 100 of the list", listed],
    ["af run get, the whole command", whole],
  ] as const) {
    latencies.push({ name, spread: spreadOf(all) });
  }
  if (!(spreadOf(times.get).p95 <= 50)) faults.push("a read of an archived run takes more than 50 ms at p95");
}

/** A nats-server that starts anew has no more in memory than what it needs for what is stored. */
async function restart(): Promise<void> {
  await services.nats.restart();
  await sleep(3_000);
  await look("nats-server started anew");
}

async function look(name: string): Promise<{ readonly rss: number; readonly facts: JetStreamFacts }> {
  const answer = await fetch(`${services.nats.monitor}/jsz?streams=true`);
  const facts = parseJetStream(await answer.text());
  const memory = residentBytes({ ...services.pids, nats: services.nats.pid });
  const broken = services.broken();
  if (broken !== undefined) throw new Error(`${broken}; see ${dir}`);
  const streams = facts.streams
    .filter(({ messages, deleted }) => messages + deleted > 0)
    .map(({ name: of, messages, subjects, deleted, bytes }) => {
      return `${of} ${messages} messages, ${subjects} subjects, ${deleted} deleted, ${mib(bytes)} MiB`;
    });
  const disk = `state ${mib(sizeOf(services.state))}, nats ${mib(sizeOf(path.join(dir, "js")))}`;
  const line = `${name}: RSS MiB ${memoryText(memory)}; disk MiB ${disk}`;
  rows.push([line, ...streams.map((stream) => `    ${stream}`)].join("\n"));
  process.stderr.write(`${rows.at(-1)}\n`);
  return { rss: memory["nats"] ?? 0, facts };
}

function report(): void {
  const [grown, left] = [after.rss - before.rss, end.rss - before.rss];
  if (!isReturned(end.rss)) faults.push(`nats-server keeps ${mib(left)} of ${mib(grown)} MiB`);
  const subjects = end.facts.streams.find(({ name }) => name === "AF_LOG_0")?.subjects ?? 0;
  // What ran beside the archiving and after it is there, and nothing else.
  if (subjects > 2_000) faults.push(`the log still has ${subjects} subjects`);
  process.stdout.write(
    [
      ...rows,
      "",
      "| | n | p50 ms | p95 ms | p99 ms | max ms |",
      "| --- | --- | --- | --- | --- | --- |",
      ...latencies.map(({ name, spread: { n, p50, p95, p99, max } }) => {
        return `| ${[name, n, ...[p50, p95, p99, max].map(figure)].join(" | ")} |`;
      }),
      "",
      faults.length === 0
        ? `${archived} runs archived, nothing of them is left in memory`
        : `${faults.length} FAULTS\n${faults.slice(0, 20).join("\n")}`,
      "",
    ].join("\n"),
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
