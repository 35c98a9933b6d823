import { existsSync, readFileSync, readdirSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { expect, test } from "vitest";
import { leftIn } from "./dev-process.ts";
import { openedHere, until } from "./opened.ts";
import { oneTool, toolFile } from "./scratch.ts";

const { project, ready, start } = openedHere();

const waitsForFile = `const fs = await import("node:fs");
  fs.writeFileSync("begun", "");
  while (!fs.existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10));
  return n;`;

test("Ctrl-C lets the step in flight end, says so, exits 0, and nothing is left", async () => {
  const scratch = project(oneTool(waitsForFile));
  const dev = await ready(scratch);
  const { run } = await dev.client().runs.start("one", { n: 3 });
  await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
  dev.signal("SIGINT");
  await dev.next("stopping");
  scratch.write("go", "");
  expect(await dev.next("stopped")).toMatchObject({ left: 0, running: 0 });
  expect(await dev.exited).toBe(0);
  expect(await leftIn(scratch.dir)).toEqual([]);
  const next = await ready(scratch);
  expect(await next.client().runs.get(run)).toMatchObject({ status: "completed", output: { value: 3 } });
});

test("a step that does not end in time is given up, said, and resumed by the next af dev", async () => {
  const scratch = project(oneTool(waitsForFile));
  const dev = await ready(scratch);
  const { run } = await dev.client().runs.start("one", { n: 3 });
  await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
  dev.signal("SIGINT");
  expect(await dev.next("stopped")).toMatchObject({ left: 1, running: 1 });
  expect(await dev.exited).toBe(0);
  const next = await ready(scratch);
  // Only now may it end: else it could do so before it is counted.
  expect(await next.next("ready")).toMatchObject({ resumed: 1 });
  scratch.write("go", "");
  expect(await next.client().runs.wait(run)).toMatchObject({ status: "completed", output: { value: 3 } });
});

test("a second Ctrl-C ends it now", async () => {
  const scratch = project(oneTool(waitsForFile));
  const dev = await ready(scratch);
  await dev.client().runs.start("one", { n: 3 });
  await until("the step began", () => existsSync(path.join(scratch.dir, "begun")));
  dev.signal("SIGINT");
  await dev.next("stopping");
  dev.signal("SIGINT");
  expect(await dev.exited).toBe(130);
  expect(await leftIn(scratch.dir)).toEqual([]);
});

test("Ctrl-C before it is ready ends it", async () => {
  const scratch = project(oneTool("return n;"));
  const dev = start(scratch);
  await until("it has begun to open its state", () => existsSync(path.join(scratch.dir, ".agentflow")));
  dev.signal("SIGINT");
  expect(await dev.exited).toBe(0);
});

test("a second af dev joins the first and ends without ending it", async () => {
  const scratch = project(oneTool("return n;"));
  const first = await ready(scratch);
  const second = await ready(scratch);
  expect(await second.ready).toMatchObject({ joined: true, pid: first.pid, url: first.url });
  expect(await second.end("SIGINT")).toBe(0);
  expect(await first.client().runs.startAndWait("one", { n: 4 })).toMatchObject({ output: { value: 4 } });
  const third = await ready(scratch);
  await first.end("SIGINT");
  expect(await third.exited).toBe(0);
  expect(third.events.at(-1)).toMatchObject({ kind: "ended", pid: first.pid });
});

test("a second af dev shows the log of the first on a terminal too", async () => {
  const scratch = project(oneTool("return n;"));
  const first = await ready(scratch);
  const second = start(scratch, { args: ["--text"] });
  await until("it shows what the worker said", () =>
    second.lines.some((line) => line.includes("code loaded")),
  );
  expect(second.lines[0]).toContain(`af dev runs here already (process ${first.pid})`);
  expect(await second.end("SIGINT")).toBe(0);
});

test("who joins one that is stopped can leave", async () => {
  const scratch = project(oneTool("return n;"));
  const first = await ready(scratch);
  first.signal("SIGSTOP");
  const second = await ready(scratch);
  second.signal("SIGINT");
  expect(await second.exited).toBe(0);
  first.signal("SIGCONT");
  expect(await first.client().runs.startAndWait("one", { n: 4 })).toMatchObject({ output: { value: 4 } });
});

test("--fresh forgets all runs, and is refused while another af dev uses the state", async () => {
  const scratch = project(oneTool("return n;"));
  const first = await ready(scratch);
  const { run } = await first.client().runs.startAndWait("one", { n: 4 });
  const refused = start(scratch, { args: ["--fresh"] });
  expect(await refused.exited).toBe(8);
  expect(refused.said()).toContain(`process ${first.pid}`);
  await first.end();
  const second = await ready(scratch, { args: ["--fresh"] });
  await expect(second.client().runs.get(run)).rejects.toMatchObject({ code: "not_found" });
});

test("a port in use is an error that names its holder, exit 8", async () => {
  const scratch = project(oneTool("return n;"));
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const dev = start(scratch, { args: ["--port", String(port)] });
  expect(await dev.exited).toBe(8);
  server.close();
  expect(dev.said()).toContain(`port ${port}`);
  expect(dev.said()).toContain(`process ${process.pid} (`);
});

test("state of a newer version is refused, named, and not touched", async () => {
  const scratch = project(oneTool("return n;"));
  await (await ready(scratch)).end();
  const { DatabaseSync } = await import("node:sqlite");
  const file = path.join(scratch.dir, ".agentflow/state/log.db");
  const database = new DatabaseSync(file);
  const row = database.prepare("PRAGMA user_version").get();
  database.exec(`PRAGMA user_version = ${Number(row?.["user_version"]) + 1}`);
  database.close();
  const before = readFileSync(file);
  const dev = start(scratch);
  expect(await dev.exited).toBeGreaterThan(0);
  expect(dev.said()).toMatch(/newer/);
  expect(readFileSync(file).equals(before)).toBe(true);
});

test("off a terminal the lines are plain: one says ready, none holds an escape code", async () => {
  const scratch = project(oneTool("return n;"));
  const dev = start(scratch, { args: ["--text", "--logs"] });
  await until("it is ready", () => dev.lines.some((line) => /^af dev ready in .* at http/.test(line)));
  const { runs } = await dev.clientByFile();
  await runs.startAndWait("one", { n: 1 });
  scratch.write("tools/work.ts", toolFile("return ;;;("));
  await until("it is broken", () => dev.lines.some((line) => line.includes("does not load")));
  await until("the run is shown", () => dev.lines.some((line) => line.includes("completed")));
  await dev.end("SIGINT");
  expect(dev.lines.join("\n")).not.toContain("\u001b");
  expect(dev.lines.at(-1)).toMatch(/stopped/);
  expect(readdirSync(path.join(scratch.dir, ".agentflow"))).not.toContain("dev.json");
});

test("a worker that is stopped keeps nothing from ending, nor anything alive", async () => {
  const scratch = project(oneTool("return n;"));
  const dev = await ready(scratch);
  process.kill(dev.supervisor, "SIGSTOP");
  const asked = performance.now();
  dev.signal("SIGTERM");
  expect(await dev.exited).toBe(0);
  expect(performance.now() - asked).toBeLessThan(12_000);
  expect(await leftIn(scratch.dir)).toEqual([]);
}, 20_000);
