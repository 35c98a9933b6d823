import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RecordedInstallation, recordedInstallation } from "./recorded-installation.ts";
import { bin } from "./run-af.ts";

const write = `process.getBuiltinModule("fs").writeSync(3,JSON.stringify(process.cpuUsage()))`;
const preload = `data:text/javascript,${encodeURIComponent(`process.on("exit",()=>${write})`)}`;
const rounds = 7;

let house: RecordedInstallation;
beforeAll(async () => {
  house = await recordedInstallation();
});
afterAll(() => house.close());

/** CPU, not wall time: others use the machine too. The least of some rounds; the first fills the cache. */
async function leastCpuMs(args: readonly string[]): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) least = Math.min(least, await cpuMs(args));
  return least;
}

function cpuMs(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ["--import", preload, bin, ...args], {
    cwd: house.project,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  let told = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => (told += chunk.toString("utf8")));
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      if (code !== 0) {
        reject(new Error(`af ${args.join(" ")} ended with ${code}`));
        return;
      }
      const { user, system }: { user: number; system: number } = JSON.parse(told);
      resolve((user + system) / 1_000);
    });
  });
}

test("af --version costs at most 60 ms of CPU", async () => {
  expect(await leastCpuMs(["--version"])).toBeLessThanOrEqual(60);
});

test("af --help costs at most 180 ms of CPU", async () => {
  expect(await leastCpuMs(["--help"])).toBeLessThanOrEqual(180);
});

test("af run list costs at most 180 ms of CPU, its request and answer included", async () => {
  expect(await leastCpuMs(["run", "list"])).toBeLessThanOrEqual(180);
});

test("the table of commands is what the commands say", () => {
  const check = fileURLToPath(new URL("../tools/manifest.js", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [check, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test("help of af deploy loads no client of a cluster or an engine; what asks one does", () => {
  const watch = `data:text/javascript,${encodeURIComponent(
    `import { registerHooks } from "node:module";
     let loaded = false;
     const look = (url) => { loaded ||= /client-node|dockerode/.test(url); };
     registerHooks({ resolve(of, context, next) {
       const found = next(of, context);
       look(found.url);
       return found;
     } });
     process.on("exit", () => { if (loaded) process.exitCode = 99; });`,
  )}`;
  const ended = (args: readonly string[]) =>
    spawnSync(process.execPath, ["--import", watch, bin, ...args], { cwd: house.project, encoding: "utf8" });
  for (const word of ["", "status", "list", "rollback", "drain", "gc"]) {
    const words = ["deploy", ...(word === "" ? [] : [word])];
    const { status, stdout } = ended([...words, "--help"]);
    expect(stdout).toContain(`af ${words.join(" ")}`);
    expect(status, words.join(" ")).toBe(0);
    // Help is printed from the table of commands; a wrong flag is refused by the command itself.
    expect(ended([...words, "--no-such-flag"]).status, words.join(" ")).toBe(2);
  }
  // Whoever watches would see it.
  expect(ended(["logs", "--context", "k8s:none/none"]).status).toBe(99);
});
