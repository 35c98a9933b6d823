/**
 * `npm run bench:turns -- --kills N --seed S`: agents at work on a real `af dev` while its processes are
 * killed with SIGKILL at each point of a turn; then every journal is read. Exits 1 when a model was called
 * more often than the kills explain, a payment was made twice, a write came under two keys, or a run did not
 * end.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import type { JournalView } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { type Dev, type Part, startDev } from "./embedded/dev.ts";
import { writeProject } from "./embedded/project.ts";
import { freePort, killPid, runDir, sleep } from "./lib/children.ts";
import { dice } from "./lib/dice.ts";
import { finds, findsOf } from "./turns/found.ts";
import { readWork, workFaults } from "./turns/ledger.ts";
import { TurnLoad } from "./turns/load.ts";
import { startModel, turnsNeeded } from "./turns/model.ts";
import { People } from "./turns/people.ts";
import { type Point, Points, points } from "./turns/points.ts";
import { turnsProject } from "./turns/project.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    "in-flight": { type: "string", default: "4" },
    "pause-ms": { type: "string", default: "400" },
  },
});
const random = dice(Number(values.seed));
const parts: readonly Part[] = ["runner", "supervisor", "control", "tree"];
const dir = runDir("turns");
const ledger = path.join(dir, "ledger.jsonl");
const struck = new Points(ledger);
const model = await startModel((point) => struck.reached(point));
const project = path.join(dir, "project");
writeProject(project, turnsProject({ url: model.url, ledger }));
const port = await freePort();
let dev: Dev = await startDev({ dir: project, port });
let client: Client = dev.client(60_000);
const people = new People(ledger);
const load = new TurnLoad(() => client, people);
const killsMs: number[] = [];
const hits = new Map<string, number>();
const beganMs = performance.now();
load.start(Number(values["in-flight"]));
await sleep(500);
while (killsMs.length < Number(values.kills)) {
  const part = parts[killsMs.length % parts.length] ?? "runner";
  const point = points[Math.floor(random() * points.length)] ?? "any";
  if (!(await strike(part, point))) continue;
  hits.set(`${part}, ${point}`, (hits.get(`${part}, ${point}`) ?? 0) + 1);
  if (killsMs.length % 25 === 0) process.stderr.write(`${killsMs.length} kills, ${load.runs.length} runs\n`);
  await sleep(60 + random() * Number(values["pause-ms"]));
}
const ended = await load.finish(120_000);
await report(ended);
await dev.stop();
struck.close();
model.close();
process.exit();

/** Its processes are found before the point is waited for: nothing but the signal comes between. */
async function strike(part: Part, point: Point): Promise<boolean> {
  const pids = dev.pidsOf(part);
  if (pids.length === 0) {
    await sleep(20);
    return false;
  }
  const kill = (): void => {
    killsMs.push(Date.now());
    for (const pid of pids) killPid(pid);
  };
  if (point === "any") kill();
  else if (!(await struck.at(point, kill, 5_000))) return false;
  if (part === "control" || part === "tree") {
    await dev.kill(part);
    dev = await startDev({ dir: project, port });
    client.close();
    client = dev.client(60_000);
  }
  return true;
}

async function journalOf(run: string): Promise<JournalView[]> {
  const records: JournalView[] = [];
  for (let after: string | undefined; ; ) {
    const page = await client.runs.journal(run, { limit: 1_000, ...(after === undefined ? {} : { after }) });
    records.push(...page.records);
    if (page.records.length === 0 || page.cursor === undefined) return records;
    after = page.cursor;
  }
}

async function report(allEnded: boolean): Promise<void> {
  const faults = [...workFaults(readWork(ledger)), ...load.complaints.map((text) => `client: ${text}`)];
  const found = new Map<string, number>();
  const more = new Map<number, number>();
  for (const { run, startedMs, endedMs = Date.now(), status } of load.runs) {
    if (status !== "completed") faults.push(`${run}: ended as ${status ?? "nothing"}`);
    const extra = (model.calls.get(run) ?? 0) - turnsNeeded;
    const kills = killsMs.filter((at) => at >= startedMs && at <= endedMs).length;
    more.set(extra, (more.get(extra) ?? 0) + 1);
    if (extra > kills) faults.push(`${run}: ${extra} model calls more than needed, ${kills} kills`);
    if (extra < 0) faults.push(`${run}: only ${turnsNeeded + extra} model calls`);
    for (const find of findsOf(await journalOf(run))) found.set(find, (found.get(find) ?? 0) + 1);
  }
  if (!allEnded) faults.push("runs had not ended two minutes after the last kill");
  for (const [run, reason] of people.reasons) {
    if (!reason.includes("work.pay")) faults.push(`${run}: af why does not name the call: ${reason}`);
  }
  const calls = [...model.calls.values()].reduce((sum, one) => sum + one, 0);
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  const table = (title: string, of: Iterable<readonly [string | number, number]>): string =>
    `${title}: ${[...of].map(([key, n]) => `${key} ${n}`).join(" · ")}`;
  process.stdout.write(
    [
      `${killsMs.length} kills, seed ${values.seed}, ${seconds} s; ` +
        `${load.runs.length} runs, ${calls} model calls of which ${calls - load.runs.length * turnsNeeded} ` +
        `were made again; ${people.reasons.size} runs waited for a person`,
      table(
        "struck",
        [...hits].sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
      table(
        "found by the attempts that took over",
        finds.map((find) => [find, found.get(find) ?? 0] as const),
      ),
      table(
        "model calls beyond the needed, by run",
        [...more].sort(([a], [b]) => a - b),
      ),
      faults.length === 0
        ? "0 payments twice, 0 writes under two keys, 0 model calls too many, every run ended"
        : `${faults.length} FAULTS\n${faults.slice(0, 40).join("\n")}`,
      "",
    ].join("\n"),
  );
  process.exitCode = faults.length === 0 && killsMs.length > 0 ? 0 : 1;
}
