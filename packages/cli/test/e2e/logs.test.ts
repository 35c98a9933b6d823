/** `af logs` over a real installation: what it merges, and that it follows through a restart. */
import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { bin, runAf } from "../run-af.ts";
import { freePort } from "./free-port.ts";
import { openedHere, until } from "./opened.ts";
import { oneTool, toolFile } from "./scratch.ts";

const { project, ready, start } = openedHere();

function follow(dir: string, ...args: string[]) {
  const child = spawn(process.execPath, [bin, "logs", "-f", "-o", "logfmt", ...args], { cwd: dir });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString("utf8")));
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    said,
    async end() {
      child.kill("SIGINT");
      return closed;
    },
  };
}

test("every part speaks in it, each under its source, level and run", async () => {
  const scratch = project(
    oneTool(`context.log.info("working on " + n); if (n < 0) throw new Error("no"); return n;`),
  );
  const dev = await ready(scratch);
  const { runs } = dev.client();
  const logs = async (...args: string[]) =>
    (await runAf(["logs", "-o", "logfmt", ...args], { cwd: scratch.dir })).stdout;
  const done = await runs.startAndWait("one", { n: 1 });
  const failed = await runs.startAndWait("one", { n: -1 });
  scratch.write("tools/work.ts", toolFile("return n * 2;"));
  await dev.next("reloaded");
  await until("the reload is told", async () => (await logs()).includes("new code serves"));
  const all = await logs("-n", "1000");
  for (const [source, message] of [
    ["bus", "embedded bus opened: fsync before each answer"],
    ["control-plane", "control plane listens"],
    ["control-plane", "shards taken up"],
    ["control-plane", "worker joined"],
    ["control-plane", "workflow registered"],
    ["control-plane", "run started"],
    ["control-plane", "run completed"],
    ["control-plane", "run failed"],
    ["control-plane", "new code serves"],
    ["worker", "code loaded"],
    ["tool", "working on 1"],
  ])
    expect(all).toMatch(new RegExp(`source=${source} .*msg="${message}`));
  expect(await logs("--source", "bus")).not.toMatch(/source=(?!bus)/);
  const warnings = await logs("--level", "warn");
  expect(warnings).toContain(`run=${failed.run} msg="run failed`);
  expect(warnings).not.toContain(done.run);
  const one = await logs("--run", done.run);
  expect(one).toMatch(/run started[\s\S]*working on 1[\s\S]*run completed/);
  expect(one).not.toContain(failed.run);
});

test("following goes on behind the last line after the installation was killed and came back", async () => {
  const args = ["--port", await freePort()];
  const scratch = project(oneTool(`context.log.info("working on " + n); return n;`));
  const dev = await ready(scratch, { args });
  const following = follow(scratch.dir, "--source", "control-plane,bus,tool");
  try {
    const { runs } = dev.client();
    const first = await runs.startAndWait("one", { n: 1 });
    await until("the first run is shown", () =>
      following.said.out.includes(`run=${first.run} msg="run completed"`),
    );
    // Telemetry may be lost with a kill while it is still on its way.
    await until("what its tool said too", () => following.said.out.includes("working on 1"));
    dev.signal("SIGKILL");
    await dev.exited;
    await until("it says so", () => following.said.err.includes("the connection was lost"));
    const next = start(scratch, { args });
    await next.ready;
    const second = await next.client().runs.startAndWait("one", { n: 2 });
    await until("the second is shown too", () =>
      following.said.out.includes(`run=${second.run} msg="run completed"`),
    );
    await until("and what its tool said", () => following.said.out.includes("working on 2"));
    const { out } = following.said;
    expect(out).toMatch(/source=bus .*msg="recovered: the owner before ended without closing the state"/);
    for (const message of [`run=${first.run} msg="run started"`, "working on 1", "working on 2"])
      expect(out.split(message)).toHaveLength(2);
  } finally {
    await following.end();
  }
}, 60_000);
