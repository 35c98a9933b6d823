/**
 * A pod that runs as all of ours do, from the images of the target: it starts, looks at itself, asks the
 * cluster's DNS, answers through a forward and is removed again, whatever happens.
 */
import { AgentFlowError } from "@agentflow/protocol";
import http from "node:http";
import type { Duplex } from "node:stream";
import { bad, type EngineCheck, good, note } from "../../docker/doctor/check.ts";
import { openPodPort } from "../inside/port-stream.ts";
import { parseTrialAnswer, type PodAnswer } from "./parse-trial-answer.ts";
import type { Look } from "./target.ts";
import { sweepTrials, TrialPod, type TrialState } from "./trial-pod.ts";
import { trialImages } from "./trial-images.ts";

const port = 7_741;
const clockNoteMs = 1_000;
const clockBadMs = 30_000;
const answerWithinMs = 15_000;
const againMs = 250;

const look = `
const fs = require("fs"), dns = require("dns").promises;
let writable = true;
try { fs.writeFileSync("/af-doctor", "") } catch { writable = false }
const token = fs.existsSync("/var/run/secrets/kubernetes.io/serviceaccount/token");
const find = (name) => dns.lookup(name).then((f) => f.address, (e) => "!" + (e.code ?? e.message));
require("http").createServer(async (q, a) => {
  const name = await find("kubernetes.default.svc");
  const uid = process.getuid(), now = Date.now();
  a.end(JSON.stringify({ now, uid, writable, token, name, arch: process.arch }));
}).listen(${port});
process.on("SIGTERM", () => process.exit(0));
setTimeout(() => process.exit(1), 240000);`;

export async function trialChecks(of: Look, isThere: boolean): Promise<EngineCheck[]> {
  if (!isThere) {
    const fix = `af deploy ${of.target.name} makes the namespace; then again`;
    return [note("pod", "not tried: a pod needs the namespace", fix)];
  }
  await sweepTrials(of);
  const { image, others } = await trialImages(of);
  const trial = new TrialPod(of, { name: "run", image, command: ["node", "-e", look] });
  const pulls = others.map((one, n) => {
    return new TrialPod(of, { name: `image-${n + 1}`, image: one, command: ["/bin/sh", "-c", "exit 0"] });
  });
  try {
    // All are waited for, whatever one of them throws: nothing may still be made when all is removed.
    const [ran, ...pulled] = await Promise.allSettled([trial.run(), ...pulls.map((one) => one.run())]);
    if (ran.status === "rejected") throw ran.reason;
    const there = pulled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    return [...pullChecks([ran.value, ...there], of), ...(await podChecks(ran.value, of, trial))];
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "trying a pod");
    return [bad("pod", `a pod as ours are cannot be made: ${message}`, suggestions[0])];
  } finally {
    await Promise.all([trial, ...pulls].map((one) => one.remove()));
  }
}

function pullChecks(states: readonly TrialState[], { target }: Look): EngineCheck[] {
  const fix = pullFix(target);
  return states.map(({ image, pull, why }) => {
    if (pull === "there") return good("image", `a node has ${image}, or pulled it`);
    if (pull === "unknown") return note("image", `${image} was not asked for: ${why}`);
    return bad("image", `no node gets ${image}: ${why}`, fix);
  });
}

function pullFix({ name, settings }: Look["target"]): string {
  const { registry, imageLoad, pullSecrets } = settings;
  const now = (told: string | undefined): string =>
    told === undefined || told === "" ? "" : ` (now ${told})`;
  if (registry === undefined)
    return `\`registry:\` of ${name}, or \`imageLoad:\`${now(imageLoad)}; or other \`images:\``;
  return `may nodes pull from ${registry}? \`pullSecrets:\` of ${name}${now(pullSecrets.join(", "))}`;
}

async function podChecks(state: TrialState, of: Look, trial: TrialPod): Promise<EngineCheck[]> {
  if (!state.isRunning) {
    if (state.pull === "refused") return [];
    return [
      bad(
        "pod",
        `a pod as ours are does not start: ${state.why}`,
        `kubectl get events -n ${of.target.settings.namespace}`,
      ),
    ];
  }
  const started = `a pod as ours are ran after ${(state.tookMs / 1_000).toFixed(1)}s`;
  let heard: Heard;
  try {
    heard = await hear(of, trial);
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "asking the pod");
    return [good("pod", started), bad("forward", message, suggestions[0])];
  }
  const { answer, aroundMs } = heard;
  if (answer === undefined)
    return [good("pod", started), bad("forward", "a forwarded port answers nonsense")];
  return [
    heldCheck(answer, started),
    good("forward", "a port is forwarded into a pod, and it answers"),
    dnsCheck(answer),
    clockCheck(answer.now, aroundMs),
  ];
}

interface Heard {
  readonly answer: PodAnswer | undefined;
  readonly aroundMs: readonly [number, number];
}

/** A program that has just been started does not listen yet. */
async function hear(of: Look, { name: pod }: TrialPod): Promise<Heard> {
  const { cluster, pace, target } = of;
  const { namespace } = target.settings;
  const untilMs = pace.nowMs() + answerWithinMs;
  for (;;) {
    try {
      const stream = await openPodPort(cluster, { namespace, pod, port, pace });
      const fromMs = pace.nowMs();
      const answer = parseTrialAnswer(await asked(stream, of));
      return { answer, aroundMs: [fromMs, pace.nowMs()] };
    } catch (error) {
      const isForbidden = AgentFlowError.is(error) && error.code === "forbidden";
      if (isForbidden || pace.nowMs() > untilMs) throw error;
    }
    await pace.wait(againMs);
  }
}

async function asked(stream: Duplex, { pace }: Look): Promise<string> {
  const over = new AbortController();
  const late = pace.wait(answerWithinMs, over.signal).then(
    () => stream.destroy(new Error("no answer in time")),
    () => undefined,
  );
  try {
    return await new Promise((resolve, reject) => {
      const request = http.get({ host: "127.0.0.1", port, createConnection: () => stream }, (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
        answer.on("end", () => resolve(text));
        answer.on("error", reject);
      });
      request.on("error", reject);
    });
  } finally {
    over.abort();
    await late;
    stream.destroy();
  }
}

function heldCheck({ uid, writable, token, arch }: PodAnswer, started: string): EngineCheck {
  const faults = [
    ...(uid === 1_000 ? [] : [`it runs as user ${uid}`]),
    ...(writable ? ["it can write its root"] : []),
    ...(token ? ["it was given a token of the cluster"] : []),
  ];
  if (faults.length === 0)
    return good("pod", `${started} on ${arch}, as user 1000, with a root that it cannot write and no token`);
  return bad(
    "pod",
    `${started}, but ${faults.join(", ")}`,
    "an admission webhook changes pods, or the runtime ignores what they ask",
  );
}

function dnsCheck({ name }: PodAnswer): EngineCheck {
  if (!name.startsWith("!")) return good("dns", `pods find names: kubernetes.default.svc is ${name}`);
  return bad(
    "dns",
    `pods do not find kubernetes.default.svc: ${name.slice(1)}`,
    "is CoreDNS up: kubectl get pods -n kube-system -l k8s-app=kube-dns",
  );
}

/** It read its clock at some instant between the two of ours: what lies between is no difference. */
function clockCheck(theirMs: number, [earliest, latest]: readonly [number, number]): EngineCheck {
  const off = theirMs < earliest ? theirMs - earliest : theirMs > latest ? theirMs - latest : 0;
  const size = Math.abs(off);
  if (size < clockNoteMs) return good("clock", "the node and this machine agree to within a second");
  const fact = `the node is ${(size / 1_000).toFixed(1)}s ${off > 0 ? "ahead of" : "behind"} this machine`;
  const fix = "set the time of nodes, or of this machine (NTP)";
  return size < clockBadMs ? note("clock", fact, fix) : bad("clock", fact, fix);
}
