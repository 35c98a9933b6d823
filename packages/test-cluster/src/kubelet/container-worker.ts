/** One container's life: its image, its environment, its start, its probes, its end, and again. */
import { type Ended, type Running, StartError } from "../runtime/runtime.ts";
import type { Pod } from "../world/parse-kinds.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { PodContext } from "./container-context.ts";
import { endContainer } from "./container-end.ts";
import { obtainImage } from "./container-image.ts";
import { superviseProbes } from "./container-probes.ts";
import { launchOf } from "./container-launch.ts";
import { ConfigError } from "./environment.ts";
import { LogBook } from "./log-book.ts";
import { sleep } from "./stop-signal.ts";

const syncSeconds = 12;
const firstBackoffSeconds = 10;
const longestBackoffSeconds = 300;

/** Runs it until it needs no further start, or the pod stops. */
export async function runContainer(context: PodContext, record: ContainerRecord): Promise<void> {
  const policy = policyOf(context.pod(), record);
  for (let exits = 0; !context.stop.aborted; ) {
    const running = await begin(context, record);
    if (running === undefined) {
      if (context.stop.aborted) return;
    } else {
      const killed = await live(context, record, running);
      if (context.stop.aborted) return;
      const again = policy === "Always" || (policy === "OnFailure" && exitOf(record) !== 0);
      if (!again) return;
      if (killed) {
        countRestart(context, record);
        continue;
      }
    }
    if (exits > 0) await backOff(context, record, exits);
    exits += 1;
    countRestart(context, record);
  }
}

function policyOf(pod: Pod, record: ContainerRecord): string {
  const policy = pod.spec.restartPolicy ?? "Always";
  if (!record.init) return policy;
  if (record.container.restartPolicy === "Always") return "Always";
  return policy === "Never" ? "Never" : "OnFailure";
}

function exitOf(record: ContainerRecord): number | undefined {
  return record.state.terminated?.exitCode;
}

function countRestart(context: PodContext, record: ContainerRecord): void {
  if (context.stop.aborted) return;
  if (record.state.terminated !== undefined) record.lastState = { terminated: record.state.terminated };
  record.restartCount += 1;
}

/** In the middle of the back-off its state changes from what ended to why it waits. */
async function backOff(context: PodContext, record: ContainerRecord, exits: number): Promise<void> {
  const seconds = Math.min(firstBackoffSeconds * 2 ** (exits - 1), longestBackoffSeconds);
  const pod = context.pod();
  const { name, namespace = "", uid } = pod.metadata;
  const who = `${name}_${namespace}(${uid})`;
  const message = `Back-off restarting failed container ${record.container.name} in pod ${who}`;
  context.event(record, "Warning", { reason: "BackOff", message });
  await sleep(context.world.time, seconds / 2, context.stop);
  if (context.stop.aborted) return;
  const ended = record.state.terminated ?? record.lastState.terminated;
  if (ended !== undefined) record.lastState = { terminated: ended };
  const why = `back-off ${clock(seconds)} restarting failed container=${record.container.name} pod=${who}`;
  record.state = { waiting: { reason: "CrashLoopBackOff", message: why } };
  context.publish();
  await sleep(context.world.time, seconds / 2, context.stop);
}

/** As Go writes a duration: `40s`, `1m20s`. */
function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

/** Answers with the container, or with nothing when it could not be started and counts as ended. */
async function begin(context: PodContext, record: ContainerRecord): Promise<Running | undefined> {
  for (;;) {
    if (!(await obtainImage(context, record))) return undefined;
    try {
      const launch = launchOf(context, record);
      context.event(record, "Normal", { reason: "Created", message: "Container created" });
      return await start(context, record, launch);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      context.event(record, "Warning", { reason: "Failed", message: `Error: ${error.message}` });
      record.state = { waiting: { reason: "CreateContainerConfigError", message: error.message } };
      context.publish();
      await sleep(context.world.time, syncSeconds, context.stop);
      if (context.stop.aborted) return undefined;
    }
  }
}

async function start(
  context: PodContext,
  record: ContainerRecord,
  launch: ReturnType<typeof launchOf>,
): Promise<Running | undefined> {
  const log = new LogBook();
  record.previousLog = record.log;
  record.log = log;
  try {
    const running = await context.sandbox.start(launch, (stream, chunk) => log.write(stream, chunk));
    record.running = running;
    record.id = running.id;
    record.started = record.container.startupProbe === undefined;
    record.ready = record.started && record.container.readinessProbe === undefined;
    record.state = { running: { startedAt: context.world.time.stamp() } };
    context.event(record, "Normal", { reason: "Started", message: "Container started" });
    context.publish();
    return running;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.close();
    const { message } = error;
    const stamp = context.world.time.stamp();
    context.event(record, "Warning", { reason: "Failed", message: `Error: ${message}` });
    const ended = { exitCode: 128, reason: "StartError", message, startedAt: null, finishedAt: stamp };
    const policy = policyOf(context.pod(), record);
    if (policy === "Never") record.state = { terminated: ended };
    else {
      record.lastState = { terminated: ended };
      record.state = { waiting: { reason: "RunContainerError", message } };
    }
    context.publish();
    return undefined;
  }
}

/** Answers whether the kubelet itself ended it, so that it starts again at once. */
async function live(context: PodContext, record: ContainerRecord, running: Running): Promise<boolean> {
  let killed = false;
  const startedAt = record.state.running?.startedAt ?? null;
  const probes = superviseProbes(context, record, running, () => {
    killed = true;
    void endContainer(context, record, running);
  });
  const ended = await running.ended;
  probes.stop();
  record.log?.close();
  record.running = undefined;
  record.started = false;
  record.ready = false;
  record.state = {
    terminated: terminatedOf(ended, { startedAt, finishedAt: context.world.time.stamp() }, context, running),
  };
  // Who ends it says so when it is over, or starts it again in the same breath.
  if (!killed && !context.stop.aborted) context.publish();
  return killed;
}

function terminatedOf(
  ended: Ended,
  times: { readonly startedAt: string | null; readonly finishedAt: string },
  context: PodContext,
  running: Running,
) {
  const reason = ended.outOfMemory ? "OOMKilled" : ended.exitCode === 0 ? "Completed" : "Error";
  return {
    exitCode: ended.exitCode,
    reason,
    ...times,
    containerID: `${context.runtime.scheme}://${running.id}`,
  };
}
