/**
 * Secrets that user code and a model give away in every way there is, and everything that the installation
 * ever wrote: no piece of one may stand anywhere but where a person put it.
 */
import { makeRunId } from "@agentflow/protocol";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { runAf } from "../run-af.ts";
import { canaryScan } from "./canary-scan.ts";
import type { Dev } from "./dev-process.ts";
import { startEchoModel } from "./echo-model.ts";
import { openedHere } from "./opened.ts";
import { type Files, workflowFile } from "./scratch.ts";

const { project, ready } = openedHere();

const canary = (): string => `cnry-${randomBytes(18).toString("base64url")}`;
/** With letters that every encoding writes in another way. */
const secrets = {
  file: `${canary()}/+"'<&>%é ${canary()}`,
  env: canary(),
  variable: canary(),
  model: canary(),
  second: `${canary()}\n${canary()}`,
};

const leakTools = `
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";
import { gzipSync } from "node:zlib";

const names = ["in-file", "in-env", "in-variable", "two-lines"];
const forms = (value: string): string[] => {
  const bytes = Buffer.from(value);
  const base64 = ["", "a", "ab"].map((lead) => Buffer.from(lead + value + "zz").toString("base64"));
  return [
    value, JSON.stringify(value), JSON.stringify(JSON.stringify({ value })), encodeURIComponent(value),
    new URLSearchParams({ value }).toString(), ...base64, bytes.toString("base64url"), bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(), "https://u:" + encodeURIComponent(value) + "@host/x",
  ];
};
const schemas = { input: z.any(), output: z.any() };
const common = { description: "leaks", ...schemas, effect: "read" as const, secrets: names };
const all = (context: { secrets: { get(name: string): string } }): string[] =>
  names.flatMap((name) => forms(context.secrets.get(name)));

export const say = defineTool({ ...common, async run(input, context) {
  for (const text of all(context)) {
    console.log("out", text);
    console.error("err", text);
    context.log.info("log " + text, { text, nested: [{ text }], [text]: 1 });
    context.log.error(text);
    context.progress("progress " + text, { text });
    await context.span("span " + text.slice(0, 100), () => 1, { text, [text]: text });
  }
  for (const name of names) {
    const value = context.secrets.get(name);
    console.log({ value }, Buffer.from(value), new Map([[value, value]]));
    for (let at = 0; at < value.length; at += 5) process.stdout.write(value.slice(at, at + 5));
    process.stdout.write("\\n");
    // Across the place where a long line and a long message are cut.
    for (const lead of [8_180, 8_190]) {
      console.log("x".repeat(lead) + value + "y".repeat(500));
      context.log.warn("x".repeat(lead) + value + "y".repeat(500));
    }
    await context.span("n".repeat(110) + value, () => 1);
  }
  return { all: all(context), keyed: Object.fromEntries(all(context).map((text) => [text, text])) };
} });
export const fail = defineTool({ ...common, run(input, context) {
  const text = all(context).join(" ");
  throw new Error(text, { cause: new Error(text) });
} });
export const failSpan = defineTool({ ...common, run: (input, context) =>
  context.span("fails", () => { throw new TypeError(context.secrets.get("in-file")); }) });
export const big = defineTool({ ...common, run: (input, context) =>
  Array.from({ length: 400 }, (_, n) => ({ n, all: all(context) })) });
export const crash = defineTool({ ...common, async run(input, context) {
  setTimeout(() => { throw new Error("uncaught " + all(context).join(" ")); }, 10);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
} });
const none = { ...common, secrets: [] };
export const inherit = defineTool({ ...none, run: () => process.env });
export const others = defineTool({ ...none, run: (input, context) => context.secrets.get("in-file") });
export const echo = defineTool({ ...none, input: z.object({ text: z.string() }), run: ({ text }, context) => {
  console.log(text);
  context.log.info(text);
  return { text, again: [text] };
} });
`;

const one = (name: string): Files => ({
  [`workflows/${name.toLowerCase()}.yaml`]: workflowFile(
    name.toLowerCase(),
    [`a: {uses: "tool:leak.${name}", with: {n: 1}, retry: {max: 2, backoff: 10ms}}`],
    name === "big" ? "done" : "${steps.a.output}",
  ),
});

const agent = (name: string, model: string): string => `apiVersion: agentflow.dev/v1
kind: Agent
name: ${name}
description: Echoes
model: ${model}
instructions: Echo what you know.
tools: [leak.echo]
`;

const tools = ["say", "fail", "failSpan", "big", "crash", "inherit", "others"];

const files = (url: string): Files => ({
  "agentflow.yaml": `apiVersion: agentflow.dev/v1
kind: Project
name: scratch
models:
  default: {provider: openai-compatible, model: echo, baseUrl: "${url}", apiKey: "secret://model-key"}
  refused: {provider: openai-compatible, model: refuse-me, baseUrl: "${url}", apiKey: "secret://model-key"}
`,
  "tools/leak.ts": leakTools,
  "agents/echo.yaml": agent("echo", "default"),
  "agents/refused.yaml": agent("refused", "refused"),
  "workflows/think.yaml": workflowFile(
    "think",
    [`a: {uses: "agent:echo", with: {text: "go"}}`],
    "${steps.a.output}",
  ),
  "workflows/refuse.yaml": workflowFile(
    "refuse",
    [`a: {uses: "agent:refused", with: {text: "go"}}`],
    "${steps.a.output}",
  ),
  ...Object.assign({}, ...tools.map(one)),
});

function environOf(dev: Dev): { readonly where: string; readonly bytes: Uint8Array }[] {
  return dev.runners.flatMap((pid) =>
    ["environ", "cmdline"].map((name) => {
      const where = `/proc/${pid}/${name}`;
      return { where, bytes: readFileSync(where) };
    }),
  );
}

test("no secret stands in anything that an installation wrote, whatever code and models do", async () => {
  const model = await startEchoModel();
  const scratch = project(files(model.url));
  scratch.write(".env", `export IN_ENV="${secrets.env}"\n`);
  const af = (...args: string[]) => runAf(args, { cwd: scratch.dir });
  for (const [name, value] of [
    ["in-file", secrets.file],
    ["two-lines", secrets.second],
    ["model-key", secrets.model],
  ] as const) {
    expect(await runAf(["secrets", "set", name], { cwd: scratch.dir, stdin: value })).toMatchObject({
      code: 0,
    });
  }
  const scan = canaryScan(Object.values(secrets).flatMap((value) => value.split("\n")));
  // What looks for them finds them.
  expect(scan.inFile(path.join(scratch.dir, ".env"))).not.toEqual([]);
  expect(scan.inFile(path.join(scratch.dir, ".agentflow/secrets.json"))).not.toEqual([]);
  expect(scan.inBytes(gzipSync(`x${secrets.model.slice(5, 18)}`), "packed")).not.toEqual([]);

  const dev = await ready(scratch, { args: ["--logs"], environment: { IN_VARIABLE: secrets.variable } });
  const { runs } = dev.client();
  const written = path.join(scratch.dir, ".written");
  mkdirSync(written);
  const said: string[] = [];
  const keep = async (...args: string[]): Promise<void> => {
    const { stdout, stderr } = await af(...args);
    said.push(`${args.join(" ")}\n${stdout}\n${stderr}`);
  };
  const states: { [name: string]: string } = {};
  const ids: string[] = [];
  for (const name of [...tools.map((tool) => tool.toLowerCase()), "think", "refuse"]) {
    // Hours old, so that an archive may have them at once.
    const run = makeRunId(Date.now() - 7_200_000, randomBytes(10));
    ids.push(run);
    const { status } = await runs.startAndWait(name, { n: 1 }, { run });
    states[name] = status;
    for (const { where, bytes } of environOf(dev)) expect(scan.inBytes(bytes, where)).toEqual([]);
    if (name === "fail" || name === "think") await keep("run", name, "n:=1");
  }
  expect(states).toMatchObject({
    say: "completed",
    fail: "failed",
    big: "completed",
    think: "completed",
    refuse: "failed",
  });
  expect(states["others"]).toBe("failed");
  expect(new Set(model.keys)).toEqual(new Set([secrets.model]));
  // Of the others nothing else is shown, and each command is a process.
  const shown = ["say", "fail", "crash", "think", "refuse"];
  for (const run of ids.filter((_, n) => shown.includes(Object.keys(states)[n] ?? ""))) {
    await Promise.all([
      keep("run", "get", run),
      keep("run", "get", run, "--json"),
      keep("trace", run),
      keep("why", run),
      keep("logs", "--run", run),
    ]);
  }
  const others = [
    "logs",
    "logs --json",
    "status",
    "secrets list",
    "validate",
    "doctor",
    "run list --json",
    "audit",
  ];
  await Promise.all(others.map((command) => keep(...command.split(" "))));
  const say = String(ids[0]);
  const think = String(ids[tools.length]);
  await Promise.all([
    keep("debug", "bundle", say, "--to", path.join(written, "say.afdebug")),
    keep("debug", "bundle", think, "--to", path.join(written, "think.afdebug")),
    keep("debug", think, "--at", "6", "--print", "messages", "--json"),
  ]);
  const installed = path.join(written, "all.af.tar.gz");
  const quiet = path.join(written, "quiet.af.tar.gz");
  await Promise.all([
    keep("debug", "bundle", "--out", quiet),
    keep("debug", "bundle", "--with", "values", "--out", installed),
    keep("debug", "bus", "peek", "log", "--run", say, "--bytes", "65536", "--raw"),
    keep("debug", "bus", "peek", "tables", "--limit", "200", "--bytes", "65536"),
  ]);
  // What tools printed is in the one that was asked for values, and in no other.
  const printed = (file: string): boolean => gunzipSync(readFileSync(file)).includes("[redacted]");
  expect([printed(installed), statSync(quiet).mode & 0o777]).toEqual([true, 0o600]);
  expect(gunzipSync(readFileSync(quiet)).toString("utf8")).not.toMatch(/"message":"(out|err|log) /);
  await keep("backup", path.join(written, "backup.zst"), "--telemetry");
  await keep("run", "archive", "--keep", "0");
  await keep("run", "get", say);
  await keep("backup", path.join(written, "archived.zst"), "--telemetry");
  scratch.write("tools/leak.ts", `${leakTools}\nthrow new Error(${JSON.stringify(secrets.env)});\n`);
  await dev.next("broken");
  await dev.end();
  await model.close();
  const hits = [
    ...scan.inBytes(Buffer.from(dev.lines.join("\n")), "stdout of af dev"),
    ...scan.inBytes(Buffer.from(dev.stderr), "stderr of af dev"),
    ...said.flatMap((text) => scan.inBytes(Buffer.from(text), text.slice(0, 60))),
    ...scan.inFolder(written, []),
    ...scan.inFolder(path.join(scratch.dir, ".agentflow"), [
      path.join(scratch.dir, ".agentflow/secrets.json"),
    ]),
  ];
  expect(hits).toEqual([]);
  expect(said.join("\n")).toContain("[redacted]");
}, 180_000);
