/**
 * Measures one system in a process of its own and writes its result: measure.ts SYSTEM OUT FLAGS.
 * Each repeat starts the system with empty data. A workload that fails is named and the next one is tried.
 */
import { writeFileSync } from "node:fs";
import { sleep } from "../lib/children.ts";
import { type Adapter, systemNamed } from "./adapter.ts";
import { makeAdapter } from "./parse-adapter.ts";
import { parseFlags } from "./parse-flags.ts";
import type { Repeat, SystemResult } from "./result.ts";
import { w1, w2, w3, w4, w5, w6 } from "./workloads.ts";

const [name = "", out = "", ...words] = process.argv.slice(2);
const { limits, work, reps } = parseFlags(words);
const system = systemNamed(name);
const errors: Record<string, string> = {};
const repeats: Repeat[] = [];
let growth: SystemResult["w5"];
let note = "";

const works = { w1, w2, w3, w4, w6 } as const;
for (let rep = 0; rep < reps && work.some((one) => one in works); rep++) {
  await withAdapter(async (adapter) => {
    repeats.push(await repeat(adapter, rep));
    save();
  });
}
if (work.includes("w5")) {
  await withAdapter(async (adapter) => {
    growth = await attempt("w5", () => w5(adapter, limits));
    save();
  });
}
save();
// A client library of a peer may keep sockets open; everything is written.
process.exit(0);

async function repeat(adapter: Adapter, rep: number): Promise<Repeat> {
  const done: { -readonly [name in keyof Repeat]: Repeat[name] } = {};
  for (const one of ["w1", "w2", "w3", "w4", "w6"] as const) {
    if (!work.includes(one)) continue;
    const beganMs = performance.now();
    const figures = await attempt(one, () => works[one](adapter, limits));
    if (figures !== undefined) Object.assign(done, { [one]: figures });
    say(`${one} repeat ${rep + 1}/${reps}: ${((performance.now() - beganMs) / 1_000).toFixed(1)} s`);
  }
  return done;
}

async function attempt<T>(label: string, measure: () => Promise<T>): Promise<T | undefined> {
  try {
    return await measure();
  } catch (error) {
    errors[label] = error instanceof Error ? error.message : String(error);
    say(`${label} failed: ${errors[label]}`);
    return undefined;
  }
}

async function withAdapter(use: (adapter: Adapter) => Promise<void>): Promise<void> {
  const adapter = await makeAdapter(system);
  note = adapter.note;
  try {
    await adapter.start();
    await sleep(500);
    await use(adapter);
  } catch (error) {
    errors["start"] = error instanceof Error ? error.message : String(error);
    say(`start failed: ${errors["start"]}`);
  } finally {
    await adapter.stop();
  }
}

function save(): void {
  const result: SystemResult = {
    system: name,
    note,
    reps: repeats,
    errors,
    ...(growth === undefined ? {} : { w5: growth }),
  };
  writeFileSync(out, JSON.stringify(result, null, 1));
}

function say(line: string): void {
  process.stderr.write(`  ${name}: ${line}\n`);
}
