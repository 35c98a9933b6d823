import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectorUrl } from "./recorded-debug.ts";
import { recordedInstallation, type RecordedInstallation, runs } from "./recorded-installation.ts";
import { type Ran, runAf } from "./run-af.ts";

let house: RecordedInstallation;
beforeAll(async () => {
  house = await recordedInstallation();
});
afterAll(() => house.close());

const af = (...args: string[]): Promise<Ran> => runAf(args, { cwd: house.project });
const data = (ran: Ran) => JSON.parse(ran.stdout).data;

test("where nobody looks, the events are listed, those of the journal among them", async () => {
  const ran = await af("debug", runs.done);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toContain("model_replied");
  expect(ran.stdout).not.toContain("\u001b[2J");
  const { events } = data(await af("debug", runs.done, "--json"));
  expect(events.map(({ n }: { n: number }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test("one look at one event, counted from the begin or from the end", async () => {
  const list = data(await af("debug", runs.done, "--json")).events;
  const at = list.find(({ kind }: { kind: string }) => kind === "call_returned").n;
  const messages = data(await af("debug", runs.done, "--at", String(at), "--print", "messages", "--json"));
  expect(messages.messages.at(-1)).toMatchObject({ role: "tool", results: [{ tool: "orders__find" }] });
  const fromEnd = data(await af("debug", runs.done, "--at", String(at - 13), "--print", "event", "--json"));
  expect(fromEnd).toMatchObject({ n: at, of: 12, event: { event: { kind: "call_returned" } } });
  const text = await af("debug", runs.done, "--at", String(at), "--print", "prompt");
  expect(text.stdout).toContain("You help.");
  expect(text.stdout).not.toContain("\u001b[2J");
  const usage = await af("debug", runs.done, "--print", "usage", "--json");
  expect(data(usage).usage.run).toMatchObject({ modelCalls: 2, usd: "0.00092" });
});

test("an event that is not there exits 2 and says which are; a run that is not there 4", async () => {
  const ran = await af("debug", runs.done, "--at", "99");
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain("there is no event 99: this run has 12");
  expect((await af("debug", runs.done, "--at", "0")).code).toBe(2);
  expect((await af("debug", "r0999")).code).toBe(4);
});

test("a bundle is written for its owner alone, over no other file, and opens anywhere", async () => {
  const file = path.join(house.project, "one.afdebug");
  const ran = await af("debug", "bundle", runs.done, "--to", "one.afdebug", "--json");
  expect(data(ran)).toMatchObject({ file, manifest: { v: 1, run: runs.done, content: true } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await af("debug", "bundle", runs.done, "--to", "one.afdebug");
  expect(again).toMatchObject({ code: 8 });
  expect(again.stderr).toContain("is there already");
  expect(await af("debug", "bundle", runs.done, "--to", "one.afdebug", "--force")).toMatchObject({ code: 0 });
  const alone = (...args: string[]) => runAf(["debug", file, ...args], { cwd: "/" });
  const there = await alone("--at", "-1", "--print", "state", "--json");
  const here = await af("debug", runs.done, "--at", "-1", "--print", "state", "--json");
  expect(data(there)).toEqual(data(here));
  const plain = await af("debug", "bundle", runs.done, "--no-content", "--to", "bare.afdebug");
  expect(plain.stdout).toContain("left out");
});

test("what is no bundle exits 2, a file that is not there 4", async () => {
  expect((await af("debug", "./agentflow.yaml")).stderr).toContain("no gzip file");
  expect((await af("debug", "./nothing.afdebug")).code).toBe(4);
  expect(existsSync(path.join(house.project, "nothing.afdebug"))).toBe(false);
});

test("a worker's inspector is opened, and the ways to it are said", async () => {
  const ran = await af("debug", "attach", "w", "--port", "9300");
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.stdout).toContain(inspectorUrl);
  expect(ran.stdout).toContain("devtools://devtools/bundled/js_app.html");
  expect(ran.stdout).toContain('"request":"attach"');
  expect(house.asked.at(-1)).toMatchObject({ method: "POST", body: JSON.stringify({ port: 9300 }) });
  expect((await af("debug", "attach", "nobody")).code).toBe(4);
});

test("a trace leaves as spans or as a request of OTLP, the run's own spans with it", async () => {
  const otlp = JSON.parse((await af("trace", runs.done, "--export", "otlp")).stdout);
  const names = otlp.resourceSpans[0].scopeSpans[0].spans.map(({ name }: { name: string }) => name);
  expect(names).toContain("agentflow.run");
  expect(names).toContain("agentflow.attempt greet");
  const { spans } = JSON.parse((await af("trace", runs.done, "--export", "json")).stdout);
  expect(spans.map(({ name }: { name: string }) => name)).toContain("fetch");
});

test("the help of each says what it does", async () => {
  for (const words of [["debug"], ["debug", "bundle"], ["debug", "attach"]]) {
    const ran = await af(...words, "--help");
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("Examples");
  }
  expect(readFileSync(path.join(house.project, "agentflow.yaml"), "utf8")).toContain("recorded");
});
