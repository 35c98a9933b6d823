import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { holderOfPort } from "./ports.ts";

const opened: { child: ChildProcess; dir: string }[] = [];

afterEach(() => {
  for (const { child, dir } of opened.splice(0)) {
    child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  }
});

/** A process in a folder of its own that listens; with `isDev` the folder says that it is its af dev. */
async function listener(isDev: boolean): Promise<{ port: number; pid: number; dir: string }> {
  const dir = realpathSync(mkdtempSync(path.join(tmpdir(), "af-port-")));
  const script = path.join(dir, "serve.js");
  writeFileSync(
    script,
    `const s = require("net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port));`,
  );
  const child = spawn(process.execPath, ["--max-semi-space-size=4", script], { cwd: dir });
  opened.push({ child, dir });
  const [port] = await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  mkdirSync(path.join(dir, ".agentflow"));
  const file = {
    pid,
    url: `http://127.0.0.1:${port}`,
    startedAt: "2026-01-31T12:00:00.000Z",
    version: "0.1.0",
  };
  if (isDev) writeFileSync(path.join(dir, ".agentflow/dev.json"), JSON.stringify(file));
  return { port: Number(port), pid, dir };
}

test.skipIf(process.platform !== "linux")(
  "who holds a port is named by its project, or by its program",
  async () => {
    const dev = await listener(true);
    expect(holderOfPort(dev.port)).toEqual({ pid: dev.pid, command: `af dev of ${dev.dir}` });
    const other = await listener(false);
    expect(holderOfPort(other.port)).toEqual({ pid: other.pid, command: `node ${other.dir}/serve.js` });
  },
);
