/**
 * `npm run bench`: W1 to W6 for a list of systems in one sitting, one Markdown table at the end. Systems run
 * one after another, each in a process of its own; what is missing is skipped by name.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type System, systemNamed } from "./harness/adapter.ts";
import { parseFlags } from "./harness/parse-flags.ts";
import { parseResult, parseSitting } from "./harness/parse-sitting.ts";
import { prepare } from "./harness/peers.ts";
import type { Sitting, SystemResult } from "./harness/result.ts";
import { renderSitting } from "./harness/table.ts";
import { NODE, ROOT } from "./lib/children.ts";
import { probeFsync } from "./lib/fsync-probe.ts";

const words = process.argv.slice(2);
const flags = parseFlags(words);
const sitting = flags.from === undefined ? sit() : parseSitting(readFileSync(flags.from, "utf8"));
process.stdout.write(`${renderSitting(sitting)}\n`);
process.exitCode = sitting.results.some(({ errors }) => Object.keys(errors).length > 0) ? 1 : 0;

function sit(): Sitting {
  const date = new Date().toISOString();
  const dir = path.join(ROOT, "results", date.replaceAll(/[:.]/g, "-"));
  mkdirSync(dir, { recursive: true });
  // Every name is looked up before the first measurement: a typing error must not cost an hour.
  const chosen = flags.systems.map(systemNamed).map((system) => ({ system, missing: prepare(system) }));
  const before = probeFsync();
  const results = chosen.flatMap(({ system, missing }) =>
    missing === undefined ? measure(system, dir) : [],
  );
  const recorded: Sitting = {
    date,
    node: process.version,
    cpus: os.availableParallelism(),
    fsync: { before, after: probeFsync() },
    results,
    skipped: chosen.flatMap(({ system, missing }) =>
      missing === undefined ? [] : [{ system: system.name, ...missing }],
    ),
  };
  const file = path.join(dir, "sitting.json");
  writeFileSync(file, JSON.stringify(recorded, null, 1));
  process.stderr.write(`recorded in ${path.relative(process.cwd(), file)}\n\n`);
  return recorded;
}

function measure(system: System, dir: string): SystemResult[] {
  process.stderr.write(`${system.name}\n`);
  const out = path.join(dir, `${system.name}.json`);
  const file = path.join(ROOT, "harness/measure.ts");
  const done = spawnSync(NODE, [file, system.name, out, ...words], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...system.env },
  });
  try {
    return [parseResult(readFileSync(out, "utf8"))];
  } catch {
    const errors = { start: `the measuring process ended with ${done.status ?? done.signal}` };
    return [{ system: system.name, note: "", reps: [], errors }];
  }
}
