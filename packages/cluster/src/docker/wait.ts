/** Waits until a container is ready, or until it is clear that it will not be. */
import { AgentFlowError } from "@agentflow/protocol";
import { addAbortSignal } from "node:stream";
import type { Engine } from "./engine/open.ts";
import { lastLines } from "./log-tail.ts";
import type { WantedContainer } from "./objects.ts";
import { type ObservedContainer, observeContainer } from "./observe.ts";
import { parseSaid } from "./parse-said.ts";
import { type Pace, patience } from "./pace.ts";

export interface Waiting {
  readonly engine: Engine;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Instant at which patience ends. */
  readonly untilMs: number;
}

// An engine asks at intervals of seconds; we are in a hurry and ask ourselves.
const pollMs = 150;
/** Checks need not end by themselves: the engine ends those that it asks for, not ours. */
const askMs = 5_000;
/** A program that ended once may have come too early; twice is no accident. */
const restartsMax = 2;
/** What it stands on may have been started just now; longer than this it does not mend itself. */
const unhealthyMs = 20_000;

/** What is waited for; a wanted container is one. */
export interface AwaitedContainer extends Pick<WantedContainer, "name" | "runs" | "health"> {
  readonly part: string;
}

/** Healthy, or ended with 0 for what runs once. Fails with code and last lines once that is lost. */
export async function waitReady(wanted: AwaitedContainer, id: string, waiting: Waiting): Promise<void> {
  const { engine, pace, signal, untilMs } = waiting;
  const first = await observeContainer(engine, id);
  const restartsBefore = first?.restarts ?? 0;
  const fromMs = pace.nowMs();
  for (let now = first; ; now = await observeContainer(engine, id)) {
    signal.throwIfAborted();
    if (now === undefined) throw gone(wanted);
    if (isReady(wanted, now)) return;
    if (isLost(wanted, now, restartsBefore)) throw await failed(wanted, now, engine);
    if (now.state === "running" && (await saysReady(wanted, id, waiting))) return;
    const waitedMs = pace.nowMs() - fromMs;
    if (now.health === "unhealthy" && waitedMs > unhealthyMs) throw await unhealthy(wanted, now, engine);
    if (pace.nowMs() > untilMs) throw await late(wanted, now, engine);
    await pace.wait(pollMs, signal);
  }
}

function isReady({ runs, health }: AwaitedContainer, now: ObservedContainer): boolean {
  if (runs === "once") return now.state === "exited" && now.exitCode === 0;
  return now.state === "running" && (now.health === "healthy" || health === undefined);
}

function isLost({ runs }: AwaitedContainer, now: ObservedContainer, restartsBefore: number): boolean {
  if (now.state === "dead" || now.state === "paused") return true;
  if (now.state === "exited") return runs === "always" || now.exitCode !== 0;
  if (now.oomKilled && now.state === "restarting") return true;
  return now.restarts - restartsBefore >= restartsMax;
}

/** Asks the container's own health check, without waiting for the engine's turn to do so. */
async function saysReady(
  { health, name }: AwaitedContainer,
  id: string,
  { engine, signal }: Waiting,
): Promise<boolean> {
  if (health === undefined) return false;
  const abortSignal = AbortSignal.any([signal, patience(askMs)]);
  return (
    engine
      .ask(`asking ${name} whether it is ready`, async (docker) => {
        const asked = await docker
          .getContainer(id)
          .exec({ Cmd: [...health], AttachStdout: true, AttachStderr: true, abortSignal });
        const stream = await asked.start({ Detach: false, abortSignal });
        for await (const piece of addAbortSignal(abortSignal, stream)) void piece;
        return (await asked.inspect()).ExitCode === 0;
      })
      // It may have ended between two looks; the next look tells.
      .catch(() => false)
  );
}

async function failed(
  wanted: AwaitedContainer,
  now: ObservedContainer,
  engine: Engine,
): Promise<AgentFlowError> {
  const lines = await lastLines(engine, now.id);
  const how = now.oomKilled ? "ran out of memory" : now.state === "paused" ? "is paused" : endOf(now);
  return new AgentFlowError("unavailable", `${wanted.name} ${how}`, {
    reason: now.oomKilled ? "container_out_of_memory" : "container_failed",
    details: { container: wanted.name, exitCode: now.exitCode, oomKilled: now.oomKilled, lines },
    suggestions: [
      ...(now.oomKilled ? [`give it more: limits: {${wanted.part}: {memoryMb: …}} of the target`] : []),
      `all of its output: docker logs ${wanted.name}`,
      "when it is mended: af up",
    ],
  });
}

async function unhealthy(
  wanted: AwaitedContainer,
  now: ObservedContainer,
  engine: Engine,
): Promise<AgentFlowError> {
  const lines = await lastLines(engine, now.id);
  const said = parseSaid(lines);
  const why = said === undefined ? "" : `\n${said.why}`;
  return new AgentFlowError("unavailable", `${wanted.name} runs, but is not healthy${why}`, {
    reason: "container_unhealthy",
    details: { container: wanted.name, check: wanted.health?.join(" "), said: now.healthSaid, lines },
    suggestions: [
      ...(said?.next ?? []),
      `all of its output: docker logs ${wanted.name}`,
      `start it anew: af restart ${wanted.part}`,
    ],
  });
}

function endOf({ exitCode, restarts, error }: ObservedContainer): string {
  const times = restarts > 0 ? ` again and again (${restarts} restarts)` : "";
  return `ended with exit code ${exitCode}${times}${error === "" ? "" : `: ${error}`}`;
}

async function late(
  wanted: AwaitedContainer,
  now: ObservedContainer,
  engine: Engine,
): Promise<AgentFlowError> {
  const lines = await lastLines(engine, now.id);
  const said = parseSaid(lines);
  const why = said === undefined ? "" : `\n${said.why}`;
  return new AgentFlowError("timeout", `${wanted.name} is not ready yet; it goes on starting${why}`, {
    reason: "not_ready",
    details: { container: wanted.name, state: now.state, health: now.health, lines },
    suggestions: [
      ...(said?.next ?? []),
      "how it is: af status",
      "wait longer: af up --timeout 10m",
      `its output: docker logs ${wanted.name}`,
    ],
  });
}

function gone({ name }: AwaitedContainer): AgentFlowError {
  return new AgentFlowError("conflict", `${name} was removed while it was waited for`, {
    reason: "changed_meanwhile",
  });
}
