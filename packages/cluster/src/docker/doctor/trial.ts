/**
 * What containers can do here, proved by doing: one runs as all of ours do and ends, two hear each other on a
 * network of their own, one publishes the target's ports. All of it is gone afterwards, also after a kill.
 */
import { AgentFlowError } from "@agentflow/protocol";
import type { Engine } from "../engine/open.ts";
import type { Pace } from "../pace.ts";
import { bad, type EngineCheck, good, note } from "./check.ts";
import type { ExaminedTarget } from "./target.ts";
import { baseChecks } from "./images.ts";
import { type TrialAnswer, parseTrial } from "./parse-info.ts";
import { portChecks } from "./ports.ts";
import { Trial } from "./trial-container.ts";

export interface TrialOptions {
  readonly target: ExaminedTarget;
  readonly id: string;
  readonly holder?: (port: number) => string | undefined;
  readonly pace: Pace;
}

const clockNoteMs = 1_000;
const clockBadMs = 30_000;
const gibi = 1024 ** 3;
const littleRoom = 4 * gibi;
/** NATS gives away three quarters of what is free, and 1 GiB of that is set aside for telemetry. */
const tooLittleRoom = 1.4 * gibi;

const look = `
let writable = true;
try { require("fs").writeFileSync("/af-doctor", "") } catch { writable = false }
const { bavail, bsize } = require("fs").statfsSync("/");
console.log(JSON.stringify({ now: Date.now(), free: bavail * bsize, uid: process.getuid(), writable }));`;

const listen = `
require("net").createServer((s) => s.end("heard")).listen(7000);
setTimeout(() => process.exit(1), 60000);`;

const call = `
let left = 50;
const name = process.argv[1];
const go = () => {
  const s = require("net").connect(7000, name);
  let text = "";
  s.on("data", (b) => (text += b));
  s.on("end", () => { console.log(text); process.exit(0) });
  s.on("error", (e) => { if (--left === 0) { console.log(e.message); process.exit(1) } setTimeout(go, 100) });
};
go();`;

export async function trialChecks(engine: Engine, options: TrialOptions): Promise<EngineCheck[]> {
  const trial = new Trial(engine, { owner: options.target.project, id: options.id }, options.pace);
  await trial.sweep();
  const { image, checks } = await baseChecks(engine, options.target);
  if (image === undefined) {
    return [
      ...checks,
      note("container", "not tried: there is no image to try it with", "af up builds and pulls them"),
    ];
  }
  try {
    const [runs, network, ports] = await Promise.all([
      lines(containerChecks(trial, image, options.pace)),
      lines(networkCheck(trial, image)),
      lines(portChecks(engine, { trial, image, ...options })),
    ]);
    // What cannot run at all cannot talk either: one line says it.
    const works = runs.every(({ name, state }) => name !== "container" || state !== "bad");
    return [...checks, ...runs, ...(works ? [...network, ...ports] : [])];
  } finally {
    await trial.close();
  }
}

/** All are waited for, whatever one of them throws: nothing may still be made when all is removed. */
async function lines(looking: Promise<EngineCheck[]>): Promise<EngineCheck[]> {
  try {
    return await looking;
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "trying containers");
    return [bad("engine", message, suggestions[0])];
  }
}

async function containerChecks(trial: Trial, image: string, pace: Pace): Promise<EngineCheck[]> {
  const fromMs = pace.nowMs();
  let answer: TrialAnswer | undefined;
  let said: string;
  let tookMs: number;
  try {
    const ran = await trial.run({ name: "run", image, script: look, args: [] });
    tookMs = pace.nowMs() - fromMs;
    said = ran.output;
    answer = ran.exitCode === 0 ? parseTrial(ran.output) : undefined;
    if (answer !== undefined) return checksOf(answer, { image, tookMs, aroundMs: ran.startedMs });
    said = `it ended with ${ran.exitCode}: ${ran.output.trim().split("\n").at(-1) ?? ""}`;
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "running a container");
    return [bad("container", message, suggestions[0])];
  }
  return [
    bad("container", `${image} does not run as parts do: ${said}`, `docker run --rm ${image} node --version`),
  ];
}

function checksOf(
  answer: TrialAnswer,
  of: { readonly image: string; readonly tookMs: number; readonly aroundMs: readonly [number, number] },
): EngineCheck[] {
  const { image, tookMs, aroundMs } = of;
  const held = answer.uid === 1_000 && !answer.writable;
  const ran = `${image} ran and ended in ${(tookMs / 1_000).toFixed(1)}s`;
  return [
    held
      ? good("container", `${ran}, as user 1000 with a root that it cannot write`)
      : bad(
          "container",
          `${ran}, but as user ${answer.uid}${answer.writable ? " with a root that it can write" : ""}`,
        ),
    clockCheck(answer.now, aroundMs),
    roomCheck(answer.free),
  ];
}

/** It read its clock at some instant between the two of ours: what lies between is no difference. */
function clockCheck(theirMs: number, [earliest, latest]: readonly [number, number]): EngineCheck {
  const off = theirMs < earliest ? theirMs - earliest : theirMs > latest ? theirMs - latest : 0;
  const size = Math.abs(off);
  if (size < clockNoteMs) return good("clock", "containers and this machine agree to within a second");
  const fact = `containers are ${(size / 1_000).toFixed(1)}s ${off > 0 ? "ahead of" : "behind"} this machine`;
  const fix = "set the time of the engine's machine (NTP); restart Docker Desktop's machine after a sleep";
  return size < clockBadMs ? note("clock", fact, fix) : bad("clock", fact, fix);
}

function roomCheck(free: number): EngineCheck {
  const fact = `${(free / gibi).toFixed(1)} GiB free for containers`;
  const fix = "docker system df shows what takes the room; docker system prune";
  if (free < tooLittleRoom) return bad("room", `${fact}: a new installation does not start`, fix);
  return free < littleRoom ? note("room", fact, fix) : good("room", fact);
}

async function networkCheck(trial: Trial, image: string): Promise<EngineCheck[]> {
  try {
    const network = await trial.network();
    const server = await trial.start({ name: "server", image, script: listen, args: [], network });
    const { output, exitCode } = await trial.run({
      name: "client",
      image,
      script: call,
      args: [server],
      network,
    });
    if (exitCode === 0 && output.includes("heard"))
      return [good("network", "two containers find each other by name and talk")];
    const why = output.trim().split("\n").at(-1) ?? "";
    const fix =
      "a firewall between containers, or the engine's DNS: docker network ls; iptables -L DOCKER-USER";
    return [bad("network", `containers on one network do not hear each other: ${why}`, fix)];
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "trying a network");
    return [bad("network", message, suggestions[0])];
  }
}
