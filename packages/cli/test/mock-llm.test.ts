/** The real command: what it prints is enough to use it, and Ctrl-C ends it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bin, runAf } from "./run-af.ts";

const script = `apiVersion: agentflow.dev/v1
kind: ModelScript
rules:
  - {name: greet, when: {contains: hello}, text: "Hi \\e[31mthere"}
`;

let dir: string;
const running: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "af-mock-"));
  writeFileSync(path.join(dir, "s.yaml"), script);
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

interface Running {
  readonly out: () => string;
  /** The first line that holds this. */
  line(holds: string): Promise<string>;
  stop(): Promise<{ readonly code: number | null; readonly err: string }>;
}

function start(args: readonly string[], environment: { readonly [name: string]: string } = {}): Running {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: dir,
    env: { PATH: process.env["PATH"], HOME: dir, ...environment },
    stdio: "pipe",
  });
  running.push(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString("utf8")));
  child.stderr.on("data", (piece: Buffer) => (err += piece.toString("utf8")));
  return {
    out: () => out,
    async line(holds) {
      const find = () => out.split("\n").find((line) => line.includes(holds));
      await expect.poll(() => find() ?? `${out}${err}`, { timeout: 20_000 }).toContain(holds);
      return find() ?? "";
    },
    async stop() {
      const ended = once(child, "close");
      child.kill("SIGINT");
      await ended;
      return { code: child.exitCode, err };
    },
  };
}

interface Line {
  readonly url: string;
  readonly baseUrls: { readonly [provider: string]: string };
}
const parsed = (line: string): Line => JSON.parse(line);
const post = (url: string, content: string) =>
  fetch(url, {
    method: "POST",
    headers: { authorization: "Bearer sk-a-secret-key-0123456789" },
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content }] }),
  });

describe("af mock-llm", () => {
  test("prints each provider's address, lines for a project, a line a call; ends by Ctrl-C", async () => {
    const mock = start(["mock-llm", "s.yaml"]);
    const line = await mock.line("openai-compatible  http");
    const base = line.trim().split(/\s+/).at(-1) ?? "";
    for (const one of ["AF_MODEL_URL=", "MODEL_KEY=any", "anthropic", "/v1beta", "bedrock"]) {
      await mock.line(one);
    }
    const answer = await post(`${base}/chat/completions`, "hello \u001b[2J");
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: "Hi \u001b[31mthere" } }] });
    const call = await mock.line("rule 1 (greet)");
    expect(call).toContain("key ***6789");
    expect(mock.out()).not.toContain("\u001b");
    const { code, err } = await mock.stop();
    expect([code, err]).toEqual([0, "Stopped; calls: 1.\n"]);
  });

  test("--json is a line a thing: listening, each call, stopped", async () => {
    const mock = start(["mock-llm", "--json"]);
    const { baseUrls } = parsed(await mock.line('"listening"'));
    await post(`${baseUrls["openai"] ?? ""}/chat/completions`, "hello");
    await mock.line('"call"');
    expect((await mock.stop()).code).toBe(0);
    const lines = mock.out().trim().split("\n").map(parsed);
    expect(lines).toMatchObject([
      { v: 1, kind: "listening", script: null, rules: 0 },
      { v: 1, kind: "call", outcome: "replied", rule: "default", key: "***6789" },
      { v: 1, kind: "stopped", calls: 1 },
    ]);
  });

  test("a script with faults exits 3 and names each; one that is not there exits 4", async () => {
    writeFileSync(path.join(dir, "bad.yaml"), `${script}  - {when: {contians: x}}\n  - {txet: y}\n`);
    const bad = await runAf(["mock-llm", "bad.yaml"], { cwd: dir });
    expect(bad.code).toBe(3);
    expect(bad.stderr).toContain("did you mean contains?");
    expect(bad.stderr).toContain("did you mean text?");
    expect((await runAf(["mock-llm", "none.yaml"], { cwd: dir })).code).toBe(4);
  });

  test("a port that is taken exits 6", async () => {
    const mock = start(["mock-llm", "--json"]);
    const { port } = new URL(parsed(await mock.line('"listening"')).url);
    const second = await runAf(["mock-llm", "--port", port], { cwd: dir });
    expect(second.code).toBe(6);
    expect(second.stderr).toContain("EADDRINUSE");
  });
});

describe("af mock-llm record and replay", () => {
  test("what was recorded answers again without the provider, and the file holds no key", async () => {
    const mock = start(["mock-llm", "s.yaml", "--json"]);
    const upstream = parsed(await mock.line('"listening"')).url;
    const args = ["mock-llm", "record", "--upstream", upstream, "--to", "c.yaml", "--secret", "my-word"];
    const recorder = start([...args, "--json"], { MY_WORD: "abracadabra" });
    const { url } = parsed(await recorder.line('"listening"'));
    const first = await (await post(`${url}/v1/chat/completions`, "hello abracadabra")).text();
    await recorder.line('"exchange"');
    expect((await recorder.stop()).code).toBe(0);
    expect((await mock.stop()).code).toBe(0);
    const file = readFileSync(path.join(dir, "c.yaml"), "utf8");
    expect(file).toContain("hello [redacted]");
    expect(file).not.toMatch(/abracadabra|sk-a-secret/);
    const replay = start(["mock-llm", "replay", "c.yaml", "--secret", "my-word"], { MY_WORD: "abracadabra" });
    const again = (await replay.line("answers from")).split(/\s+/)[1] ?? "";
    expect(await (await post(`${again}/v1/chat/completions`, "hello abracadabra")).text()).toBe(first);
    expect((await post(`${again}/v1/chat/completions`, "other")).status).toBe(404);
    await replay.line("not recorded");
    expect((await replay.stop()).code).toBe(0);
  });

  test("the secrets of the project it is started in are masked without being named", async () => {
    writeFileSync(
      path.join(dir, "agentflow.yaml"),
      "apiVersion: agentflow.dev/v1\nkind: Project\nname: p\nmodels:\n" +
        '  default: {provider: openai, model: m, apiKey: "secret://model-key"}\n',
    );
    writeFileSync(path.join(dir, ".env"), "MODEL_KEY=open-sesame-1\n");
    const mock = start(["mock-llm", "s.yaml", "--json"]);
    const upstream = parsed(await mock.line('"listening"')).url;
    const recorder = start(["mock-llm", "record", "--upstream", upstream, "--to", "c.jsonl", "--json"]);
    const { url } = parsed(await recorder.line('"listening"'));
    await post(`${url}/v1/chat/completions`, "hello open-sesame-1");
    await recorder.line('"exchange"');
    const file = readFileSync(path.join(dir, "c.jsonl"), "utf8");
    expect(file).toContain("hello [redacted]");
    expect(file).not.toContain("open-sesame");
  });

  test("what cannot be done is said before anything listens", async () => {
    const missing = await runAf(["mock-llm", "replay", "none.yaml"], { cwd: dir });
    expect(missing.code).toBe(4);
    const clear = await runAf(
      ["mock-llm", "record", "--upstream", "http://api.example.com", "--to", "c.yaml"],
      {
        cwd: dir,
      },
    );
    expect([clear.code, clear.stderr.includes("in the clear")]).toEqual([2, true]);
    const args = ["mock-llm", "record", "--upstream", "https://api.example.com", "--to", "c.yaml"];
    const secret = await runAf([...args, "--secret", "NOT_SET"], { cwd: dir });
    expect([secret.code, secret.stderr.includes("NOT_SET")]).toEqual([2, true]);
  });
});
