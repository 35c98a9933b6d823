/**
 * What hostile code tries in a sandbox, on a real engine. Each try is contained, and what became of it is
 * said.
 * Planted beside it: a secret in this process's environment, secrets in the project, a server on loopback.
 */
import { engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { createServer } from "node:http";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CallEnd } from "../../src/channel/runner-messages.ts";
import type { CallLost } from "../../src/worker/runner-port.ts";
import { sandboxLabels } from "../../src/sandbox/shape.ts";
import { type Sandboxed, sandboxed, workerImage } from "./kit.ts";

const missing = await engineMissing();
const canary = "canary-8f2c1d7e";
const server = createServer((_request, response) => response.end(canary));
let [image, port] = ["", 0];

if (missing === undefined) {
  beforeAll(async () => {
    image = await workerImage();
    process.env["AF_PLANTED"] = canary;
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const address = server.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
  }, 180_000);
  afterAll(() => {
    delete process.env["AF_PLANTED"];
    server.close();
  });
}

type Options = Omit<Parameters<typeof sandboxed>[0], "image">;

function attack(name: string, of: Options, check: (box: Sandboxed) => Promise<void>): void {
  test.skipIf(missing !== undefined)(
    `${name} ${missing ?? ""}`,
    async () => {
      const box = await sandboxed({ image, ...of });
      try {
        await check(box);
      } finally {
        await box.close();
      }
      expect(await leftOf(box)).toEqual([]);
    },
    90_000,
  );
}

/** Containers of the box's project that are still there. */
async function leftOf({ project }: Sandboxed): Promise<string[]> {
  const { docker } = await testEngine();
  const all = await docker.listContainers({ all: true, filters: { label: [`${sandboxLabels.sandbox}=1`] } });
  return all
    .filter(({ Mounts }) => Mounts.some(({ Source }) => Source.startsWith(project.dir)))
    .map(({ Id }) => Id);
}

/** The output of a call that succeeded, as text. */
function outputOf(end: CallEnd | CallLost): string {
  if (end.kind !== "output") throw new Error(`no output: ${JSON.stringify(end).slice(0, 500)}`);
  return JSON.stringify(end.output);
}

function codeOf(end: CallEnd | CallLost): string {
  return end.kind === "failed" ? end.failure.code : end.kind;
}

/** What each expression gave, or the code of its error. */
const tries = (expressions: readonly string[]): string => `
  const gave = {};
  ${expressions
    .map(
      (text) =>
        `try { gave[${JSON.stringify(text)}] = String(${text}).slice(0, 4000); }
        catch (error) { gave[${JSON.stringify(text)}] = "error " + (error.code ?? error.message); }`,
    )
    .join("\n")}
  return gave;`;

attack(
  "the environment holds nothing of the worker's, in any process it can see",
  {
    body: tries([
      "JSON.stringify(process.env)",
      'fs.readFileSync("/proc/self/environ")',
      'fs.readFileSync("/proc/1/environ")',
      "fs.readFileSync(`/proc/${process.ppid}/environ`)",
      'execFileSync("sh", ["-c", "cat /proc/*/environ /proc/*/cmdline"])',
    ]),
  },
  async (box) => {
    const text = outputOf(await box.call());
    expect(text).not.toContain(canary);
    expect(text).not.toMatch(/AF_|DOCKER_HOST/);
  },
);

attack(
  "only the secrets of the call are there, and those of the project are not",
  {
    body: tries([
      'context.secrets.get("own-key")',
      'context.secrets.get("model-key")',
      'fs.readFileSync(".env")',
      'fs.readFileSync(context.projectDir + "/.agentflow/secrets.json")',
      'fs.readFileSync("node_modules/../.env")',
      'execFileSync("sh", ["-c", "find / -xdev -name .env 2>/dev/null; ls -a ."])',
    ]),
    files: { ".env": `MODEL_KEY=${canary}`, ".agentflow/secrets.json": `{"model-key":"${canary}"}` },
  },
  async (box) => {
    const text = outputOf(await box.call({}, { secrets: { "own-key": "mine" } }));
    expect(text).toContain("mine");
    expect(text).not.toContain(canary);
    expect(text).not.toContain("secrets.json\\n");
  },
);

attack(
  "no socket of the engine, and no host files",
  {
    body: tries([
      'fs.existsSync("/var/run/docker.sock")',
      'fs.existsSync("/run/docker.sock")',
      'execFileSync("sh", ["-c", "find / -xdev -name \'*.sock\' 2>/dev/null | head"])',
      'fs.readFileSync("/etc/shadow")',
      'fs.readFileSync("/proc/1/root/etc/hostname")',
      'fs.readdirSync("/root")',
      "fs.existsSync(input.file)",
      "fs.readFileSync(input.file)",
      'fs.writeFileSync("/proc/sysrq-trigger", "b")',
      'fs.writeFileSync("/proc/sys/kernel/core_pattern", "|/bin/sh")',
    ]),
  },
  async (box) => {
    const file = path.join(os.tmpdir(), `agentflow-planted-${process.pid}`);
    writeFileSync(file, canary, { mode: 0o644 });
    const text = outputOf(await box.call({ file }));
    expect(text).not.toContain(canary);
    expect(text).not.toContain("true");
    expect(text).not.toContain(os.hostname() === "" ? "\0" : `"${os.hostname()}`);
    expect(text).toContain('"fs.readFileSync(input.file)":"error ENOENT"');
  },
);

attack(
  "project code and the image cannot be written, and links lead nowhere",
  {
    body: tries([
      'fs.writeFileSync("tools/box.ts", "gone")',
      'fs.writeFileSync(context.projectDir + "/new.txt", "x")',
      'fs.unlinkSync("tools/box.ts")',
      'fs.renameSync("tools", "/tmp/tools")',
      'fs.chmodSync("tools/box.ts", 0o777)',
      'fs.writeFileSync("/opt/agentflow/node_modules/x", "x")',
      'fs.writeFileSync("/etc/passwd", "x")',
      'fs.symlinkSync("/", "tools/root")',
      'fs.readFileSync("leak/planted")',
      'fs.readFileSync("tools/out")',
      'execFileSync("sh", ["-c", "mount -o remount,rw / || mount -t tmpfs x /mnt"], { stdio: "pipe" })',
      'execFileSync("unshare", ["-Ur", "id"], { stdio: "pipe" })',
    ]),
  },
  async (box) => {
    const outside = path.join(os.tmpdir(), `agentflow-outside-${process.pid}`);
    const { dir } = box.project;
    writeFileSync(outside, canary);
    // Both lead out of the project: one as a whole folder of it, one from within.
    symlinkSync(os.tmpdir(), path.join(dir, "leak"));
    symlinkSync(outside, path.join(dir, "tools", "out"));
    const before = readFileSync(path.join(dir, "tools/box.ts"), "utf8");
    const text = outputOf(await box.call());
    expect(text).not.toContain(canary);
    expect(Object.values(JSON.parse(text)).filter((one) => !String(one).startsWith("error"))).toEqual([]);
    expect(readFileSync(path.join(dir, "tools/box.ts"), "utf8")).toBe(before);
    expect(existsSync(path.join(dir, "new.txt"))).toBe(false);
  },
);

attack(
  "there is no network: not the metadata service, not this machine, not a name",
  {
    body: `
      const dial = (host, port) => new Promise((resolve) => {
        const socket = net.connect({ host, port, timeout: 3000 }, () => resolve("open"));
        socket.on("error", (error) => resolve(error.code)); socket.on("timeout", () => resolve("timeout"));
      });
      const gave = {};
      for (const [host, port] of input.targets) gave[host] = await dial(host, port);
      gave.interfaces = Object.keys(os.networkInterfaces()).join();
      const dns = await import("node:dns/promises");
      gave.dns = await dns.lookup("example.com").then(() => "open", (error) => error.code);
      return gave;`,
  },
  async (box) => {
    const own = Object.values(os.networkInterfaces()).flatMap((all) => all ?? []);
    const hosts = own
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address);
    const targets = ["169.254.169.254", "127.0.0.1", "1.1.1.1", "::1", ...hosts].map((host) => [host, port]);
    const end = await box.call({ targets });
    const text = outputOf(end);
    expect(text).not.toContain("open");
    expect(text).toContain('"interfaces":"lo"');
  },
);

attack(
  "a fork bomb is held by the number of processes, and the next call is well",
  {
    body: `
      if (input.calm) return "well";
      const started = [];
      for (let n = 0; n < 1000; n++) {
        try {
          const child = spawn("sleep", ["60"]);
          child.on("error", () => {});
          if (child.pid) started.push(child.pid);
        }
        catch (error) { return { started: started.length, code: error.code }; }
      }
      return { started: started.length };`,
    sandbox: { pids: 40 },
  },
  async (box) => {
    const end = await box.call();
    if (end.kind === "output") expect(Number(/"started":(\d+)/.exec(outputOf(end))?.[1])).toBeLessThan(40);
    else expect(codeOf(end)).toMatch(/^(eagain|sandbox_exited|sandbox_channel_broken)$/);
    expect(outputOf(await box.call({ calm: true }))).toBe('"well"');
  },
);

attack(
  "a hog of memory is ended, and the failure names the limit",
  {
    body: "const all = []; for (;;) all.push(Buffer.alloc(8 * 1024 * 1024, 1));",
    sandbox: { memoryMb: 128 },
  },
  async (box) => {
    const end = await box.call();
    expect(end).toMatchObject({
      kind: "failed",
      failure: { code: "sandbox_out_of_memory", message: expect.stringContaining("128 MiB") },
    });
  },
);

attack(
  "a full heap is ended too, by Node itself",
  {
    body: "const all = []; for (;;) all.push({ all: all.length, text: String(all.length) });",
    sandbox: { memoryMb: 128 },
  },
  async (box) => {
    expect(codeOf(await box.call())).toBe("sandbox_out_of_memory");
  },
);

attack(
  "what fills the disk finds a small one, in bytes and in files",
  {
    body: tries([
      'execFileSync("sh", ["-c", "dd if=/dev/zero of=/tmp/big bs=1M count=64 2>&1; du -m /tmp/big"])',
      'fs.writeFileSync("/dev/shm/x", "x")',
      `execFileSync("sh", ["-c", "rm -f /tmp/big; i=0; while [ $i -lt 30000 ] && : > /tmp/f$i;" +
        " do i=$((i+1)); done; echo $i"], { stdio: "pipe" })`,
    ]),
    sandbox: { tmpMb: 8 },
  },
  async (box) => {
    const gave: { [key: string]: string } = JSON.parse(outputOf(await box.call()));
    const [bytes = "", shm = "", files = ""] = Object.values(gave);
    expect(bytes).toMatch(/No space left|ENOSPC|error/);
    expect(shm).toMatch(/^error/);
    expect(Number.parseInt(files, 10) || 0).toBeLessThan(20_000);
  },
);

attack(
  "a flood of output ends the call, and the worker is told how much was dropped",
  {
    body: `const line = "x".repeat(1000) + "\\n";
      for (;;) process.stdout.write(line) || await new Promise((go) => process.stdout.once("drain", go));`,
  },
  async (box) => {
    const end = await box.call();
    expect(end).toMatchObject({ kind: "failed", failure: { code: "sandbox_output_limit" } });
    expect(box.told.length).toBeLessThan(20_000);
    expect(JSON.stringify(box.told)).toContain("lines dropped");
  },
);

attack(
  "a call that never answers, and will not stop, is ended when its time is up",
  {
    body: `process.on("SIGTERM", () => {});
      spawn("sh", ["-c", "setsid sleep 1000 &"], { detached: true });
      for (;;);`,
  },
  async (box) => {
    const running = await box.start();
    running.stop("timeout");
    running.kill("a call that was late would not stop");
    expect(await running.end).toEqual({ kind: "lost", reason: "a call that was late would not stop" });
  },
);

attack("its own deadline ends it where nobody else does", { body: "for (;;);" }, async (box) => {
  // The grace of 30 s is taken off: this is the life of the container itself.
  const end = await box.call({}, { limitMs: -27_000 });
  expect(codeOf(end)).toMatch(/^sandbox_/);
});

const frame = `
  const { createRequire } = await import("node:module");
  const send = (messages) => {
    const text = JSON.stringify(messages);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(Buffer.byteLength(text));
    fs.writeSync(4, Buffer.concat([head, Buffer.from(text)]));
  };
  const end = (more) => ({ startedAt: new Date(0).toISOString(), ms: 1e9, ...more });`;

attack(
  "of two answers the first counts, and its time is ours",
  {
    body: `${frame}
      const answer = (output) => ["done", 1, end({ kind: "output", output })];
      send([answer("first"), answer("second")]);
      return "third";`,
  },
  async (box) => {
    const end = await box.call();
    expect(end).toMatchObject({ kind: "output", output: "first" });
    expect(end.kind === "output" && end.ms < 60_000 && !end.startedAt.startsWith("1970")).toBe(true);
  },
);

attack(
  "a forged big output is measured and hashed anew",
  {
    body: `${frame}
      const sha256 = "../../_def/" + "0".repeat(64);
      send([["done", 1, end({ kind: "big", text: '"x"', sha256, bytes: 1 })]]);
      await new Promise(() => {});`,
  },
  async (box) => {
    expect(await box.call()).toMatchObject({
      kind: "big",
      bytes: 3,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  },
);

attack(
  "records are of this call alone, whatever they claim",
  {
    body: `${frame}
      const at = new Date().toISOString();
      const of = { run: "other", step: "other", worker: "other", name: "orders.find" };
      const log = { kind: "log", at, level: "info", source: "tool", message: "forged", ...of };
      const ids = { trace: "f".repeat(32), span: "1".repeat(16) };
      send([["tele", [log, { kind: "span", ...ids, name: "x", startedAt: at, ms: 1, ok: true }]]]);
      return 1;`,
  },
  async (box) => {
    await box.call();
    const forged = box.told.filter((record) => record.kind === "span" || record.message === "forged");
    expect(forged).toMatchObject([{ run: "r1", step: "s", name: "box.run" }]);
    expect(JSON.stringify(forged)).not.toContain("other");
  },
);

attack(
  "a huge frame, and one that is none, end the call",
  {
    body: `const text = "not a frame at all, but long enough";
      fs.writeSync(4, input.huge ? Buffer.from([0xff, 0xff, 0xff, 0xff, 0]) : Buffer.from(text));
      await new Promise(() => {});`,
  },
  async (box) => {
    for (const huge of [true, false]) {
      expect(await box.call({ huge })).toMatchObject({ failure: { code: "sandbox_channel_broken" } });
    }
  },
);

attack(
  "control characters stay what they are, in the record and in the failure",
  {
    body: `console.log("\\x1b[2J\\x1b]52;c;aGk=\\x07");
      throw Object.assign(new Error("\\x1b[31mred\\u202e"), { code: "../../x\\n" });`,
  },
  async (box) => {
    const end = await box.call();
    expect(end).toMatchObject({ kind: "failed", failure: { message: "\x1b[31mred\u202e" } });
    expect(codeOf(end)).toMatch(/^[a-z0-9_]+$/);
  },
);

attack(
  "nothing is left for the next call: not a file, not a process",
  {
    body: `
      const files = fs.readdirSync("/tmp").filter((name) => !name.startsWith("agentflow-"));
      const running = String(execFileSync("sh", ["-c", "cat /proc/[0-9]*/comm"]));
      const found = [files.length, running.includes("sleep")];
      fs.writeFileSync("/tmp/mark", "x"); spawn("sleep", ["100"], { detached: true }).unref();
      return found;`,
  },
  async (box) => {
    for (let calls = 0; calls < 3; calls++) expect(outputOf(await box.call())).toBe("[0,false]");
  },
);

attack(
  "an irreversible call that breaks off is unknown, and not a failure",
  { body: "process.exit(3);", effect: "irreversible" },
  async (box) => {
    expect(await box.call()).toMatchObject({ kind: "lost", reason: expect.stringContaining("exit code 3") });
  },
);
