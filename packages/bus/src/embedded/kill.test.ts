import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isSubject, type Subject } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { newDir } from "./fixtures/makers.ts";
import { openEmbedded, readOwner } from "./index.ts";

const kills = 20;

test("whatever was acknowledged before any of 20 kills is there, in order, and the fence holds", async () => {
  const dir = newDir();
  const acknowledged = new Map<Subject, number[]>();
  try {
    for (let round = 0; round < kills; round++) {
      const writer = round % 2 === 0 ? "main" : "thread";
      for (const [run, revision] of await lifeOf({ dir, round, writer })) {
        const revisions = acknowledged.get(run) ?? [];
        acknowledged.set(run, [...revisions, revision]);
      }
    }
    const bus = await openEmbedded({ dir });
    let checked = 0;
    for (const [run, revisions] of acknowledged) {
      const entries = await bus.log.read(run, { limit: 100_000 });
      const found = new Set(entries.map((entry) => entry.revision));
      expect(revisions.filter((revision) => !found.has(revision))).toEqual([]);
      // Each record names the one before it: a hole or a record twice would show here.
      expect(entries.map((entry) => entry.body)).toEqual(
        [0, ...entries.map((entry) => entry.revision)].slice(0, -1).map((before) => `after ${before}`),
      );
      const last = entries.at(-1)?.revision ?? 0;
      expect(await bus.log.append(run, "blind", { expect: 0 })).toMatchObject({ ok: false, revision: last });
      checked += revisions.length;
    }
    await bus.close();
    expect(acknowledged.size).toBeGreaterThan(kills);
    expect(checked).toBeGreaterThan(1_000);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 60_000);

test("the lock of a dead owner is taken over", async () => {
  const dir = newDir();
  const child = start({ dir, round: 0, writer: "main" });
  await firstLine(child);
  expect(readOwner(dir)?.pid).toBe(child.pid);
  child.kill("SIGKILL");
  await ended(child);
  expect(readOwner(dir)).toBeUndefined();
  const bus = await openEmbedded({ dir });
  expect(readOwner(dir)?.pid).toBe(process.pid);
  await bus.close();
  rmSync(dir, { recursive: true, force: true });
});

// In a container whose first process reaps nothing a dead owner stays in the list for ever: it was joined.
test.skipIf(process.platform !== "linux")(
  "an owner that is dead and not yet reaped owns nothing",
  async () => {
    const dir = newDir();
    const parent = spawn("/bin/sh", ["-c", "sleep 0.3 & echo $!; exec sleep 30"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const pid = Number(await firstLine(parent));
    const fields = (): string[] =>
      readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop()?.split(" ") ?? [];
    writeFileSync(join(dir, "lock"), JSON.stringify({ pid, started: fields()[19], socket: "/nowhere" }));
    expect(readOwner(dir)?.pid).toBe(pid);
    while (fields()[0] !== "Z") await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readOwner(dir)).toBeUndefined();
    parent.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  },
);

test("while an owner lives in another process a second one is refused and told its pid", async () => {
  const dir = newDir();
  const child = start({ dir, round: 0, writer: "main" });
  await firstLine(child);
  await expect(openEmbedded({ dir })).rejects.toMatchObject({
    code: "conflict",
    reason: "owned",
    details: { pid: child.pid },
  });
  child.kill("SIGKILL");
  await ended(child);
  rmSync(dir, { recursive: true, force: true });
});

interface Life {
  readonly dir: string;
  readonly round: number;
  readonly writer: string;
}

function start({ dir, round, writer }: Life): ChildProcess {
  const script = new URL("./fixtures/appender.ts", import.meta.url).pathname;
  return spawn(process.execPath, ["--conditions=@agentflow/source", script, dir, String(round), writer], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Starts an appender, kills it at a random moment once it appends, and gives what it had acknowledged. */
async function lifeOf(life: Life): Promise<[Subject, number][]> {
  const child = start(life);
  let printed = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await firstLine(child);
  await new Promise((resolve) => {
    setTimeout(resolve, 20 + Math.random() * 150);
  });
  child.kill("SIGKILL");
  await ended(child);
  // The last line may have been cut by the kill.
  return printed
    .split("\n")
    .slice(0, -1)
    .map((line): [Subject, number] => {
      const [run = "", revision = ""] = line.split(" ");
      if (!isSubject(run)) throw new Error(`the appender said ${line}`);
      return [run, Number(revision)];
    });
}

function firstLine(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", resolve);
    child.once("exit", () => reject(new Error("the appender ended by itself")));
  });
}

function ended(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    child.once("close", resolve);
  });
}
