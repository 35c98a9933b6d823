/** Whether a deploy that is in the way has died: known for certain, or not at all. */
import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { whoDeploys } from "./who.ts";

/** Elsewhere nothing is known of processes, and the lease is waited for. */
const knows = process.platform === "linux";

const { holder } = whoDeploys();
const parts = (holder.process ?? "").split("/");
const but = (at: number, value: string): string => parts.with(at, value).join("/");

test("who deploys is told by user, machine and process", () => {
  expect(holder.name).toContain(`(process ${process.pid})`);
  expect(holder.process === undefined).toBe(!knows);
});

test("a process that lives is not dead, and nothing is known of another machine's", () => {
  for (const id of [holder.process ?? "", but(0, "0123456789abcdef"), "", "x", "a/b/c"])
    expect(holder.isDead(id)).toBe(false);
});

test.runIf(knows)("one that has ended is dead; so is one whose number another process has now", async () => {
  const child = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  await new Promise((started) => child.once("spawn", started));
  const id = but(1, String(child.pid));
  // Its number is taken, by a process that began at another time than the one that is asked for.
  expect(holder.isDead(id)).toBe(true);
  const ended = new Promise((end) => child.once("exit", end));
  child.kill("SIGKILL");
  await ended;
  expect(holder.isDead(id)).toBe(true);
  expect(holder.isDead(but(0, "0123456789abcdef").replace(parts[1] ?? "", String(child.pid)))).toBe(false);
});
