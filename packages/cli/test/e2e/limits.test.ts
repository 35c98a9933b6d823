/** `af dev` on a machine at its limits: it says so, and goes on once there is room. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { openedHere, until } from "./opened.ts";
import { oneTool } from "./scratch.ts";

const { project, ready } = openedHere();

/** How many files the process may open; what it has open already stays. */
function limitFiles(pid: number, files: number): void {
  execFileSync("prlimit", [`--pid=${pid}`, `--nofile=${files}:`]);
}

const noPrlimit = process.platform !== "linux" ? "prlimit is Linux's" : "";

test.skipIf(noPrlimit !== "")(
  "a worker that died while no file can be opened is started again, ever more slowly, once one can",
  async () => {
    const scratch = project(oneTool("return n * 2;"));
    const dev = await ready(scratch);
    const { runs } = dev.client();
    expect(await runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: 2 } });
    const worker = dev.supervisor;
    limitFiles(dev.pid, 3);
    process.kill(worker, "SIGKILL");
    const first = await dev.next("worker_not_started");
    expect(first).toMatchObject({
      error: {
        code: "unavailable",
        reason: "no_process",
        message: expect.stringContaining("EMFILE"),
        suggestions: [expect.stringContaining("ulimit")],
      },
      retryMs: 500,
    });
    const second = await dev.next("worker_not_started", { where: ({ retryMs }) => retryMs === 1_000 });
    expect(second).toMatchObject({ error: { reason: "no_process" } });
    limitFiles(dev.pid, 4_096);
    expect(await runs.startAndWait("one", { n: 21 })).toMatchObject({ output: { value: 42 } });
    expect(dev.supervisor).not.toBe(worker);
  },
);

test.skipIf(noPrlimit !== "")(
  "a runner that died while its supervisor can open no file is replaced once it can; the supervisor stays",
  async () => {
    const scratch = project(oneTool("return n * 2;"));
    const dev = await ready(scratch);
    const { runs } = dev.client();
    expect(await runs.startAndWait("one", { n: 1 })).toMatchObject({ output: { value: 2 } });
    const { supervisor } = dev;
    limitFiles(supervisor, 3);
    for (const runner of dev.runners) process.kill(runner, "SIGKILL");
    await until("it is said", async () =>
      (await dev.client().status()).broken.some(({ problem }) => problem.message.includes("EMFILE")),
    );
    limitFiles(supervisor, 4_096);
    expect(await runs.startAndWait("one", { n: 21 })).toMatchObject({ output: { value: 42 } });
    expect(dev.supervisor).toBe(supervisor);
  },
);
