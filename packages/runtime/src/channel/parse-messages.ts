/** The door of the channels: frames were parsed as JSON, here their kinds are checked. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Message } from "./frames.ts";
import { isWellFormed } from "./runner-shapes.ts";
import type { FromRunner, ToRunner } from "./runner-messages.ts";
import type { FromSupervisor, ToSupervisor } from "./supervisor-messages.ts";

const toRunner: ReadonlySet<string> = new Set<ToRunner[0]>([
  "configure",
  "call",
  "stop",
  "inspect",
  "retire",
  "dialled",
  "data",
  "hung",
]);
const fromRunner: ReadonlySet<string> = new Set<FromRunner[0]>([
  "ready",
  "broken",
  "inspecting",
  "part",
  "done",
  "tele",
  "uncaught",
  "loading",
  "dial",
  "send",
  "hang",
]);
const toSupervisor: ReadonlySet<string> = new Set<ToSupervisor[0]>([
  "configure",
  "reload",
  "level",
  "inspect",
  "drain",
]);
const fromSupervisor: ReadonlySet<string> = new Set<FromSupervisor[0]>([
  "ready",
  "broken",
  "reloaded",
  "inspecting",
  "runner",
  "log",
  "drained",
]);

export function parseToRunner(message: Message): ToRunner {
  return known(message, toRunner) as ToRunner;
}

/** A runner holds user code, which could write to fd 3 itself: what a runner would not say is refused. */
export function parseFromRunner(message: Message): FromRunner {
  const said = known(message, fromRunner) as FromRunner;
  if (isWellFormed(said)) return said;
  throw new AgentFlowError("invalid_input", `a malformed message "${said[0]}"`, { reason: "bad_frame" });
}

export function parseToSupervisor(message: Message): ToSupervisor {
  return known(message, toSupervisor) as ToSupervisor;
}

export function parseFromSupervisor(message: Message): FromSupervisor {
  return known(message, fromSupervisor) as FromSupervisor;
}

function known(message: Message, kinds: ReadonlySet<string>): unknown {
  if (kinds.has(message[0])) return message;
  throw new AgentFlowError("invalid_input", `an unknown message ${JSON.stringify(message[0]).slice(0, 40)}`, {
    reason: "bad_frame",
  });
}
