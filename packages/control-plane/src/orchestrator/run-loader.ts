import type { Log } from "@agentflow/bus";
import { emptyRun } from "@agentflow/core/run";
import type { World } from "@agentflow/host/clock";
import type { Log as HostLog } from "@agentflow/host/log";
import { AgentFlowError } from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import { type LoadedRun, loadRun } from "./load-run.ts";
import type { Plans } from "./plans.ts";
import type { RunActor } from "./run-actor.ts";
import { planMissing } from "./run-errors.ts";
import type { RunRef } from "./run-ref.ts";

export interface RunLoaderParts {
  readonly log: Log;
  readonly plans: Plans;
  readonly world: World;
  readonly say: HostLog;
  readonly config: EngineConfig;
  readonly isArchived: (ref: RunRef) => Promise<boolean>;
}

export type LoadedActor = LoadedRun & { readonly archived: boolean };

const nothing = { state: emptyRun, revision: 0, bytes: 0, commits: [] } as const;

/**
 * Reads a run, and the plan it goes by, however long the log takes to answer; undefined when `givenUp` says
 * so.
 */
export async function loadUntilRead(
  parts: RunLoaderParts,
  actor: RunActor,
  givenUp: () => boolean,
): Promise<LoadedActor | undefined> {
  const { log, config, world, say, plans } = parts;
  const oldUntilMs = world.clock.monotonic() + oldForMs;
  for (let pauseMs = actor.rounds > 1 ? config.reloadPauseMs : 0; ; ) {
    if (pauseMs > 0) await new Promise<void>((resolve) => void world.timers.after(pauseMs, resolve));
    try {
      const loaded = await loadRun(log, actor.ref).catch(unread);
      if (loaded.revision < actor.atLeast && world.clock.monotonic() < oldUntilMs) throw old(actor);
      const archived = loaded.revision === 0 && (await parts.isArchived(actor.ref));
      const hash = loaded.state.kind === "absent" ? undefined : loaded.state.started.plan;
      if (hash !== undefined && loaded.state.kind === "active") {
        actor.plan = await plans.get(actor.ref.tenant, hash);
        if (actor.plan === undefined) return { ...loaded, archived, parked: planMissing(hash) };
      }
      return { ...loaded, archived };
    } catch (error) {
      const { code, message } = AgentFlowError.from(error, "reading a run");
      if (code === "internal") {
        return { ...nothing, archived: false, parked: { reason: "incompatible", message } };
      }
      const { tenant, run } = actor.ref;
      say.child({ tenant, run }).warn("a run cannot be read now; trying again", { error });
      if (givenUp()) return undefined;
      pauseMs = Math.min(Math.max(pauseMs, config.reloadPauseMs) * 2, config.reloadPauseMaxMs);
    }
  }
}

/**
 * A server that was paused while it led answers as before for a moment. A log that lost its end answers so
 * for ever: then what it has counts.
 */
const oldForMs = 10_000;

function old({ atLeast }: RunActor): AgentFlowError {
  return new AgentFlowError("unavailable", `what was read is older than revision ${atLeast}`, {
    reason: "old_read",
  });
}

/** What the log refuses says nothing of the history: the run is read again, however long it takes. */
function unread(error: unknown): never {
  const known = AgentFlowError.from(error, "reading a run");
  if (known.code !== "internal") throw known;
  throw new AgentFlowError("unavailable", known.message, { reason: known.reason, cause: known });
}
