/**
 * `npm run bench:up`: what a developer waits for with containers, measured against its budget with the real
 * `af`: the first `af up` without our images and with them, the second, new code, sizes; then saves under
 * `af dev --on docker` beside `af dev`. Exits 1 when a budget is missed, 2 when there is no engine.
 */
import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { save } from "./dev-loop/saves.ts";
import { startDev } from "./embedded/dev.ts";
import { parseOutput } from "./embedded/parse-output.ts";
import { loopProject, versionTool, writeProject } from "./embedded/project.ts";
import { benchEngine } from "./containers/engine.ts";
import { parseUp } from "./containers/parse-up.ts";
import { watchForeign } from "./containers/share.ts";
import { UpStack } from "./containers/up-stack.ts";
import { spreadOf } from "./harness/quantiles.ts";
import { figure } from "./harness/table.ts";
import { freePort, runDir, sleep } from "./lib/children.ts";

interface Row {
  readonly what: string;
  readonly value: string;
  readonly budget: string;
  readonly ok: boolean;
}

const { values } = parseArgs({
  options: {
    name: { type: "string", default: "bench-up" },
    base: { type: "string" },
    starts: { type: "string", default: "5" },
    saves: { type: "string", default: "20" },
    only: { type: "string" },
  },
});
const engine = await benchEngine().catch((error: unknown) => {
  process.stderr.write(`bench:up: ${error instanceof Error ? error.message : String(error)}\n`);
  return process.exit(2);
});
const target = "bench";
const rows: Row[] = [];
const root = runDir("up");
const dir = path.join(root, "project");
const base = values.base ?? "node:24-slim";
const foreign = watchForeign((command) => /containerd|dockerd/.test(command));
await writeHere();
if (values.only !== "dev") await ups();
if (values.only !== "up") {
  for (const words of [[], ["--on", "docker"]]) await loop(words);
}
const share = foreign();
engine.close();
print();
process.exit(rows.every(({ ok }) => ok) ? 0 : 1);

/** A project that any user may read, as a container's does. */
async function writeHere(): Promise<void> {
  const { "agentflow.yaml": config = "", ...files } = loopProject();
  const docker = `  ${target}: {kind: docker, api: {port: ${await freePort()}}, images: {base: "${base}"}}\n`;
  const dependencies = { zod: "4.6.7" };
  writeProject(dir, {
    ...files,
    "agentflow.yaml": config
      .replace(/^name: .*$/m, `name: ${values.name}`)
      .trimEnd()
      .concat("\n", docker),
    "package.json": `${JSON.stringify({ name: values.name, type: "module", dependencies })}\n`,
  });
  chmodSync(dir, 0o755);
}

async function ups(): Promise<void> {
  const stack = new UpStack({ engine, dir, project: values.name, target });
  try {
    const { images } = parseUp(await stack.af("up", target));
    await stack.remove();
    for (const image of [images.worker, images.controlPlane]) {
      const found = engine.docker.getImage(image);
      await found.remove({ force: true });
    }
    row("af up, our images not there, s", await secondsOf(() => stack.up()), "≤ 60");
    await stack.remove();
    row("af up, images there, s", await secondsOf(() => stack.up()), "≤ 20");
    row("af up again, nothing changed, s", await secondsOf(() => stack.up()), "≤ 3");
    row("af up with new code until it answers, s", await secondsOf(() => newCode(stack)), "≤ 10");
    for (const [name, image] of Object.entries(images)) {
      if (name === "nats") continue;
      const [own, below] = await Promise.all([sizeOf(image), sizeOf(base)]);
      row(`image ${name}, MB above its base`, (own - below) / 1e6, "≤ 120");
    }
  } finally {
    await stack.remove();
  }
}

async function newCode(stack: UpStack): Promise<void> {
  writeFileSync(path.join(dir, "tools/bench.ts"), versionTool(7));
  await stack.up();
  const [client] = await stack.clients(30_000);
  if (client === undefined) throw new Error("there is no control plane");
  while (parseOutput(await client.runs.startAndWait("quick", {})) !== 7) await sleep(50);
  client.close();
}

async function sizeOf(image: string): Promise<number> {
  return (await engine.docker.getImage(image).inspect()).Size;
}

async function loop(words: readonly string[]): Promise<void> {
  const name = ["af dev", ...words].join(" ");
  const ready: number[] = [];
  let dev = await startDev({ dir, words, readyWithinMs: 300_000 });
  for (let n = 0; n < Number(values.starts); n++) {
    await dev.stop();
    dev = await startDev({ dir, words, readyWithinMs: 60_000 });
    ready.push(dev.readyMs);
  }
  row(`${name}: ready, ms p50`, spreadOf(ready).p50, words.length === 0 ? "≤ 1500" : "≤ 3000");
  const client = dev.client();
  const took: number[] = [];
  for (let n = 0; n < Number(values.saves); n++) {
    took.push(await save({ dir, client, version: 100 + n + words.length * 1_000, askEveryMs: 5 }));
    await sleep(300);
  }
  client.close();
  await dev.stop();
  const { p50, p95 } = spreadOf(took);
  row(`${name}: save to new code, ms p50`, p50, "≤ 300");
  row(`${name}: save to new code, ms p95`, p95, "≤ 600");
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / 1_000;
}

function row(what: string, value: number, budget: string): void {
  const ok = value <= Number(budget.replace("≤ ", ""));
  rows.push({ what, value: figure(value), budget, ok });
  process.stderr.write(`${what}: ${figure(value)}\n`);
}

function print(): void {
  const lines = rows.map(
    ({ what, value, budget, ok }) => `| ${what} | ${value} | ${budget}${ok ? "" : " ✗"} |`,
  );
  const all = ["| | found | budget |", "| --- | --- | --- |", ...lines, ""];
  process.stdout.write(`${all.join("\n")}others took ${share.toFixed(2)} of the CPU\n`);
}
