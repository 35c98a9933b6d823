/** `af logs -f` in a context of an engine while the control plane hangs, is gone, and comes back. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { saveContext } from "../../src/config/contexts.ts";
import { freePort } from "./free-port.ts";
import { bin } from "../run-af.ts";
import { openedHere, until } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, start } = openedHere();
const missing = await engineMissing();
const target = "docker";
const withinMs = 60_000;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A container of the installation that prints lines of its own and, each time, a record as ours do. */
async function printing(name: string): Promise<void> {
  const engine = await testEngine();
  const { node } = await baseImages(engine);
  const { labels } = await import("@agentflow/cluster");
  const numbered = `writer: "w.1", seq: n, kind: "log", at, level: "info"`;
  const record = `{ ${numbered}, source: "worker", message: "ours " + n }`;
  const code = `let n = 0;
    setInterval(() => {
      const at = new Date().toISOString();
      n++;
      console.log("theirs " + n);
      console.log(JSON.stringify(${record}));
    }, 100);`;
  const container = await engine.docker.createContainer({
    Image: node,
    Cmd: ["node", "-e", code],
    Labels: {
      [labels.project]: name,
      [labels.target]: target,
      [labels.part]: "worker-default",
      [labels.copy]: "1",
    },
  });
  ends.push(() => container.remove({ force: true }));
  await container.start();
}

function follow(dir: string): { readonly out: () => readonly string[]; readonly err: () => string } {
  const args = [bin, "logs", "-f", "--tail", "0", "--context", target];
  const child = spawn(process.execPath, args, { cwd: dir, env: { ...process.env, NO_COLOR: "1" } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString("utf8")));
  const closed = new Promise((resolve) => child.once("close", resolve));
  ends.push(async () => {
    child.kill("SIGINT");
    await closed;
  });
  return { out: () => out.split("\n"), err: () => err };
}

test.skipIf(missing !== undefined)(
  `what containers print takes over, marked, and no line comes twice ${missing ?? ""}`,
  async () => {
    const args = ["--port", await freePort()];
    const scratch = project(oneTool("return n;"));
    const dev = start(scratch, { args });
    await dev.next("ready", { withinMs });
    const name = `logs-raw-${process.pid}`;
    const { host } = await testEngine();
    saveContext({
      name: target,
      kind: "docker",
      folder: scratch.dir,
      project: name,
      target,
      url: dev.url,
      token: readFileSync(path.join(scratch.dir, ".agentflow/token"), "utf8").trim(),
      engine: { host, verify: true, from: "the test" },
    });
    await printing(name);
    const { out, err } = follow(scratch.dir);
    const said = (text: string): number => err().split(text).length - 1;
    const has = (raw: boolean): boolean =>
      out().some((line) => / theirs \d+$/.test(line) && isRaw(line) === raw);
    const [lost, found] = ["raw: the control plane does not answer", "the control plane answers again"];
    await until("lines of the container come", () => has(false), withinMs);
    // It hangs: its connections stay open.
    dev.signal("SIGSTOP");
    // Long before the client itself gives up a connection on which nothing comes.
    await until("its silence is told", () => said(lost) === 1, 30_000);
    await until("marked lines come", () => has(true), withinMs);
    dev.signal("SIGCONT");
    await until("its answer is told", () => said(found) === 1, withinMs);
    dev.signal("SIGKILL");
    await dev.exited;
    await until("its end is told", () => said(lost) === 2, withinMs);
    const next = start(scratch, { args });
    await next.next("ready", { withinMs });
    await until("its return is told", () => said(found) === 2, withinMs);
    const from = out().length;
    await until(
      "lines go on",
      () =>
        out()
          .slice(from)
          .some((line) => / theirs \d+$/.test(line)),
      withinMs,
    );
    for (const whose of ["theirs", "ours"]) {
      const numbers = out()
        .flatMap((line) => new RegExp(` ${whose} (\\d+)$`).exec(line)?.[1] ?? [])
        .map(Number);
      expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
    }
  },
  300_000,
);

function isRaw(line: string): boolean {
  return line.startsWith("raw ");
}
