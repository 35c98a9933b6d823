/** `npm run sim`: lives installations by seed, prints what broke and how to live it again. */
import { parseArgs } from "node:util";
import { isMutation, mutationNames, scenarios } from "./index.ts";
import { simulate, type SimulateOptions, type Simulated } from "./simulate.ts";

const usage = `usage: npm run sim -- [--seeds N] [--from S] [--scenario NAME] [--mutation NAME]
                      [--json] [--verbose]
  scenarios: ${scenarios.map(({ name }) => name).join(", ")}
  mutations: ${mutationNames.join(", ")}`;

const traceLinesMax = 60;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "100" },
      from: { type: "string", default: "1" },
      scenario: { type: "string" },
      mutation: { type: "string" },
      json: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const count = Number(values.seeds);
  const { mutation, scenario } = values;
  const known = mutation === undefined || isMutation(mutation);
  if (values.help || !known || !Number.isInteger(count)) {
    process.stdout.write(`${usage}\n`);
    return values.help ? 0 : 2;
  }
  const started = performance.now();
  const failed: Simulated[] = [];
  let [runs, acts] = [0, 0];
  for (let n = 0; n < count; n++) {
    const options: SimulateOptions = {
      seed: seedAt(values.from, n),
      ...(scenario === undefined ? {} : { scenario }),
      ...(mutation === undefined ? {} : { mutation }),
    };
    const one = await simulate(options);
    runs += one.runs;
    acts += one.acts;
    if (one.violations.length === 0 && !values.verbose) continue;
    if (one.violations.length > 0) failed.push(one);
    if (!values.json) print(one, options);
  }
  const seconds = (performance.now() - started) / 1_000;
  const summary = {
    seeds: count,
    failed: failed.length,
    runs,
    acts,
    seconds,
    seedsPerSecond: count / seconds,
  };
  const seeds = failed.map(({ seed, scenario, violations }) => ({ seed, scenario, violations }));
  if (values.json)
    process.stdout.write(`${JSON.stringify({ v: 1, ok: true, data: { ...summary, seeds } })}\n`);
  else {
    const rate = summary.seedsPerSecond.toFixed(1);
    process.stdout.write(
      `${count} seeds, ${failed.length} failed, ${runs} runs, ${acts} acts, ${rate} seeds a second\n`,
    );
  }
  return failed.length === 0 ? 0 : 1;
}

/** Numbers count up; a text (a commit's hash) is the head of every seed's name. */
function seedAt(from: string, n: number): string {
  return /^\d+$/.test(from)
    ? String(Number(from) + n)
    : n === 0 && from.includes("/")
      ? from
      : `${from}/${n}`;
}

function print(
  { seed, scenario, violations, trace, story, virtualMs }: Simulated,
  options: SimulateOptions,
): void {
  const shown = [...trace.slice(-traceLinesMax), "", ...story].map((line) => `    ${line}`);
  const again = ["npm run sim -- --seeds 1", `--from ${seed}`, ...flags(options)].join(" ");
  const lines = [
    `seed ${seed} (${scenario}, ${virtualMs.toFixed(0)} ms)`,
    ...violations.map((one) => `  ${one}`),
    ...shown,
    `  again: ${again}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n\n`);
}

function flags({ scenario, mutation }: SimulateOptions): string[] {
  return [
    ...(scenario === undefined ? [] : [`--scenario ${scenario}`]),
    ...(mutation === undefined ? [] : [`--mutation ${mutation}`]),
  ];
}
