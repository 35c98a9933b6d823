import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMetrics } from "../src/metrics/index.ts";
import {
  addProcessMetrics,
  readText,
  systemWorld,
  toRotatingFile,
  userConfigPath,
} from "../src/system/index.ts";
import { virtualWorld } from "../src/virtual/index.ts";

let folder = "";
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentflow-host-"));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const meta = { level: "info", tenant: undefined } as const;

describe("a rotating log file", () => {
  const open = (options: { bytesMax?: number; filesMax?: number } = {}) => {
    const { time } = virtualWorld();
    const path = join(folder, "logs", "af.log");
    return { time, path, output: toRotatingFile({ path, timers: time, ...options }) };
  };

  test("is written within 100 ms and readable by its owner alone", async () => {
    const { time, path, output } = open();
    output.write("one", meta);
    output.write("two", meta);
    expect(readFileSync(path, "utf8")).toBe("");
    await time.advance(100);
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    output.write("three", meta);
    output.flushSync?.();
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\nthree\n");
  });

  test("never exceeds its size, keeps the newest files only, and loses no line among them", async () => {
    const { path, output } = open({ bytesMax: 100, filesMax: 3 });
    for (let i = 0; i < 100; i++) output.write(`line ${String(i).padStart(4, "0")}`, meta);
    await output.close?.();
    const names = readdirSync(join(folder, "logs")).toSorted();
    expect(names).toEqual(["af.log", "af.log.1", "af.log.2"]);
    const texts = [`${path}.2`, `${path}.1`, path].map((file) => readFileSync(file, "utf8"));
    for (const text of texts) expect(text.length).toBeLessThanOrEqual(100);
    const numbers = texts
      .join("")
      .trimEnd()
      .split("\n")
      .map((line) => Number(line.slice(5)));
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 100 - numbers.length + i));
  });

  test("goes on where the last process stopped, and takes nothing after its end", async () => {
    const { path, output } = open();
    output.write("first process", meta);
    await output.close?.();
    output.write("too late", meta);
    await output.close?.();
    const again = toRotatingFile({ path, timers: virtualWorld().timers });
    again.write("second process", meta);
    await again.close?.();
    expect(readFileSync(path, "utf8")).toBe("first process\nsecond process\n");
  });

  test.skipIf(!existsSync("/dev/full"))(
    "on a full disk loses lines, and neither throws nor keeps them in memory",
    () => {
      const { time } = virtualWorld();
      const output = toRotatingFile({ path: "/dev/full", timers: time });
      for (let i = 0; i < 1_000; i++) output.write("x".repeat(1_000), meta);
      output.flushSync?.();
      expect(time.pending()).toBe(0);
      void output.close?.();
    },
  );

  test("with one file allowed starts anew when it is full", async () => {
    const { path, output } = open({ bytesMax: 20, filesMax: 1 });
    for (let i = 0; i < 9; i++) output.write(`line ${i}`, meta);
    await output.close?.();
    expect(readdirSync(join(folder, "logs"))).toEqual(["af.log"]);
    expect(readFileSync(path, "utf8")).toBe("line 8\n");
  });
});

interface Ended {
  readonly code: number | null;
  readonly messages: readonly string[];
  readonly text: string;
}

/** Starts the program; `onReady` is called with it once it has said so. */
function run(mode: string, onReady: (child: ChildProcess, said: string) => void = () => {}): Promise<Ended> {
  const program = join(import.meta.dirname, "program.ts");
  const child = spawn(process.execPath, ["--conditions=@agentflow/source", program, mode], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  const { promise, resolve } = Promise.withResolvers<Ended>();
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    onReady(child, text);
  });
  child.on("close", (code) => {
    const lines = text
      .trimEnd()
      .split("\n")
      .filter((line) => line.startsWith("{"));
    resolve({ code, text, messages: lines.map((line) => JSON.parse(line).message) });
  });
  return promise;
}

const once = (word: string, act: (child: ChildProcess) => void) => {
  let done = false;
  return (child: ChildProcess, said: string): void => {
    if (!done && said.includes(word)) {
      done = true;
      act(child);
    }
  };
};

describe("signals", () => {
  test("SIGTERM ends the parts, writes the last lines and exits 0; SIGINT exits 130", async () => {
    const term = await run(
      "wait",
      once("ready", (child) => child.kill("SIGTERM")),
    );
    expect(term).toMatchObject({ code: 0, messages: ["ready", "stopping", "part closed"] });
    const int = await run(
      "wait",
      once("ready", (child) => child.kill("SIGINT")),
    );
    expect(int.code).toBe(130);
  });

  test("a second signal ends a process with a stuck part, and closes its other parts", async () => {
    let signals = 0;
    const ended = await run("stuck", (child, said) => {
      if (signals === 0 && said.includes("ready")) signals = 1;
      else if (signals === 1 && said.includes("stopping")) signals = 2;
      else return;
      child.kill("SIGTERM");
    });
    expect(ended.code).toBe(1);
    expect(ended.messages).toEqual([
      "ready",
      "stopping",
      "stopping at once",
      "part closed",
      "stopped with parts unfinished",
    ]);
  });

  test.each(["throw", "reject"])(
    "an uncaught error (%s) is fatal: logged without its message, parts closed, exit 1",
    async (mode) => {
      const ended = await run(mode);
      expect(ended.code).toBe(1);
      expect(ended.messages).toEqual(["ready", "uncaught error", "stopping", "part closed"]);
      expect(ended.text).not.toContain("a secret message");
      expect(ended.text).toContain("program.ts:");
    },
  );

  test("a process whose work is done exits 0", async () => {
    expect(await run("done")).toMatchObject({ code: 0, messages: ["ready", "stopping", "part closed"] });
  });
});

test("a missing file has no text, and one that cannot be read is an error with its path", async () => {
  const path = join(folder, "a.yaml");
  expect(await readText(path)).toBeUndefined();
  expect(await readText(join(path, "b"))).toBeUndefined();
  writeFileSync(path, "x: é");
  expect(await readText(path)).toBe("x: é");
  expect(await readText(join(path, "b"))).toBeUndefined();
  await expect(readText(folder)).rejects.toMatchObject({ code: "unavailable", reason: "file_unreadable" });
});

test("the user's configuration lies where XDG says, and a relative XDG folder is ignored", () => {
  expect(userConfigPath({ XDG_CONFIG_HOME: "/x" })).toBe("/x/agentflow/config.yaml");
  expect(userConfigPath({ HOME: "/home/a" })).toBe("/home/a/.config/agentflow/config.yaml");
  expect(userConfigPath({ XDG_CONFIG_HOME: "x", HOME: "/home/a" })).toBe(
    "/home/a/.config/agentflow/config.yaml",
  );
});

test("the system's dice never repeat bytes, and what they gave may be changed by its owner", () => {
  const { random } = systemWorld();
  const seen = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    const bytes = random.bytes(16);
    seen.add(Buffer.from(bytes).toString("hex"));
    bytes.fill(0);
  }
  expect(seen.size).toBe(2_000);
  expect(random.bytes(10_000)).toHaveLength(10_000);
  const numbers = Array.from({ length: 1_000 }, () => random.number());
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(new Set(numbers).size).toBe(1_000);
});

test("the system's timers fire once, repeat, and stop", async () => {
  const { timers, clock } = systemWorld();
  const started = clock.monotonic();
  const seen: string[] = [];
  timers.after(1, () => seen.push("stopped"))();
  const ticks = await new Promise<number>((resolve) => {
    let count = 0;
    const stop = timers.every(1, () => {
      if (++count < 3) return;
      stop();
      timers.after(1, () => resolve(count));
    });
  });
  expect(ticks).toBe(3);
  expect(seen).toEqual([]);
  expect(clock.monotonic()).toBeGreaterThan(started);
  const far = timers.after(2 ** 40, () => seen.push("a wait of decades fired at once"));
  await new Promise<void>((resolve) => timers.after(5, resolve));
  far();
  expect(seen).toEqual([]);
});

test("a process's own metrics are read at the scrape", async () => {
  const metrics = createMetrics();
  addProcessMetrics(metrics);
  const text = await metrics.text();
  const value = (name: string): number =>
    Number(new RegExp(`^agentflow_process_${name} (.*)$`, "m").exec(text)?.[1]);
  expect(value("cpu_seconds")).toBeGreaterThan(0);
  expect(value("resident_bytes")).toBeGreaterThan(1e7);
  expect(value("heap_bytes")).toBeGreaterThan(1e6);
  expect(value("start_seconds")).toBeGreaterThan(1.7e9);
  expect(value("event_loop_utilization")).toBeLessThanOrEqual(1);
});
