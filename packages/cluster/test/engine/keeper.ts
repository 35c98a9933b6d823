/**
 * Keeps one dockerd for all test processes of this user: starts it, tells each that asks when it answers,
 * and ends it a little after the last one has gone, however it went. A run of many test files says so once
 * (`run PID`): between two of its files the engine stays. `node keeper.ts FOLDER`
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { type Socket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bridgeOf } from "./bridge.ts";
import { keeperDoor } from "./keeper-door.ts";
import { sweep } from "./sweep.ts";

const lingerMs = 3_000;
const endWithinMs = 20_000;
const sweepWithinMs = 30_000;

const [folder = ""] = process.argv.slice(2);
const bridge = bridgeOf(folder);
const socket = join(folder, "docker.sock");
const shares = new Set<Socket>();
const runs = new Set<number>();
let last = Date.now();
let ending = false;

const door = createServer((share) => {
  if (ending) share.destroy();
  shares.add(share);
  share.on("error", () => undefined);
  share.on("data", (said) => {
    const [, run] = /^run (\d+)$/m.exec(said.toString("utf8")) ?? [];
    if (run !== undefined) runs.add(Number(run));
  });
  share.on("close", () => {
    shares.delete(share);
    last = Date.now();
  });
  void ready.then(
    () => share.write("ready\n"),
    () => share.destroy(),
  );
});
// Another keeper was first: whoever wanted this one finds that one.
door.once("error", () => process.exit(0));
const ready = new Promise<void>((resolve, reject) => {
  door.listen(keeperDoor(folder), () => void keep().then(resolve, reject));
});

async function keep(): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), "agentflow-dockerd-"));
  rmSync(socket, { force: true });
  makeBridge();
  const words = ["--data-root", join(folder, "data"), "--exec-root", join(state, "exec")];
  words.push("--pidfile", join(state, "pid"), "--host", `unix://${socket}`, "--bridge", bridge.name);
  const engine = spawn("dockerd", words, { stdio: ["ignore", "inherit", "inherit"] });
  const ended = new Promise<void>((resolve) => {
    engine.once("error", () => resolve());
    engine.once("exit", () => resolve());
  });
  let answered = false;
  const finish = async (): Promise<void> => {
    // Who asks meanwhile hears nothing and asks again: the data of an engine belong to one at a time.
    for (const share of shares) share.destroy();
    ending = true;
    if (answered) await Promise.race([sweep(socket), ended, sleep(sweepWithinMs)]);
    engine.kill("SIGTERM");
    await Promise.race([ended, sleep(endWithinMs)]);
    engine.kill("SIGKILL");
    rmSync(state, { recursive: true, force: true });
    rmSync(socket, { force: true });
    removeBridge();
    process.exit(answered ? 0 : 1);
  };
  void ended.then(finish);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => void finish());
  while (!(await answers())) await sleep(50);
  answered = true;
  void endWhenAlone(finish);
}

async function endWhenAlone(finish: () => Promise<void>): Promise<void> {
  while (shares.size > 0 || [...runs].some(lives) || Date.now() - last < lingerMs) await sleep(200);
  await finish();
}

function lives(run: number): boolean {
  try {
    return process.kill(run, 0);
  } catch {
    return false;
  }
}

/** Not docker0: an engine of the machine's own may be there, and another's bridge is not ours to use. */
function makeBridge(): void {
  if (readFileSync("/proc/net/dev", "utf8").includes(`${bridge.name}:`)) return;
  execFileSync("ip", ["link", "add", bridge.name, "type", "bridge"]);
  execFileSync("ip", ["address", "add", bridge.address, "dev", bridge.name]);
  execFileSync("ip", ["link", "set", bridge.name, "up"]);
}

function removeBridge(): void {
  attempt("ip", ["link", "delete", bridge.name]);
  // dockerd leaves the rules of its bridge: they go, its chains stay, for another engine may use them.
  for (const table of ["filter", "nat"]) {
    const rules = attempt("iptables", ["--table", table, "--list-rules"]).split("\n");
    for (const rule of rules.filter((each) => each.startsWith("-A ") && isOfBridge(each))) {
      attempt("iptables", ["--table", table, "--delete", ...rule.split(" ").slice(1)]);
    }
  }
}

function isOfBridge(rule: string): boolean {
  return rule.split(" ").some((word) => word === bridge.name || word === bridge.network);
}

/** What it prints; nothing when it does not work, for what it is to remove may never have been made. */
function attempt(program: string, words: readonly string[]): string {
  try {
    return execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath: socket, path: "/_ping" }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    ping.on("error", () => resolve(false));
    ping.end();
  });
}
