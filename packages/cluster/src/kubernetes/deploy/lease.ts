/** One deploy at a time, by a Lease that cannot be left behind: who dies with it is followed. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { Pace } from "../pace.ts";
import type { Access } from "./access.ts";
import { numberAt, objectAt, textAt } from "./reading.ts";

const kind = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" } as const;

export const leaseLimits = { durationMs: 15_000, renewMs: 5_000, lookMs: 500, roundsMax: 8 } as const;

export interface Leasing {
  readonly access: Access;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Who deploys, for others to read: `ann@laptop, process 4711`; differs for each deploy. */
  readonly holder: string;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Said once, when somebody's lease must be waited out. */
  readonly onWait?: (holder: string) => void;
  readonly durationMs?: number;
}

export interface HeldLease {
  /** Aborts when the lease was lost: somebody else deploys. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/**
 * Takes it when it is free. One that is held is watched for as long as it is valid: renewed meanwhile, its
 * holder lives, and this refuses; else it is taken over. Clocks of two machines are never compared.
 */
export async function takeLease(leasing: Leasing): Promise<HeldLease> {
  for (let round = 0; round < leaseLimits.roundsMax; round++) {
    const found = await leasing.access.get({ ...kind, name: leasing.name });
    const holder = textAt(found, "spec", "holderIdentity");
    if (found !== undefined && holder !== "") await waitOut(leasing, found);
    const taken = await write(leasing, found);
    if (taken !== undefined) return keep(leasing, taken);
  }
  throw new AgentFlowError("conflict", "several deploys of this target begin at the same time", {
    reason: "deploy_in_progress",
    suggestions: ["try again when they are done: af deploy status"],
  });
}

async function waitOut({ access, name, pace, signal, onWait }: Leasing, found: JsonObject): Promise<void> {
  const holder = textAt(found, "spec", "holderIdentity");
  const version = textAt(found, "metadata", "resourceVersion");
  onWait?.(holder);
  const untilMs = pace.nowMs() + Math.max(1, numberAt(found, "spec", "leaseDurationSeconds")) * 1_000;
  while (pace.nowMs() < untilMs) {
    await pace.wait(leaseLimits.lookMs, signal);
    const now = await access.get({ ...kind, name });
    if (now === undefined || textAt(now, "spec", "holderIdentity") === "") return;
    if (textAt(now, "metadata", "resourceVersion") !== version) throw inProgress(now);
  }
}

function inProgress(lease: JsonObject): AgentFlowError {
  const holder = textAt(lease, "spec", "holderIdentity");
  const since = textAt(lease, "spec", "acquireTime");
  return new AgentFlowError("conflict", `${holder} deploys this target, since ${since}`, {
    reason: "deploy_in_progress",
    details: { holder, since, lease: textAt(lease, "metadata", "name") },
    suggestions: [
      "how far it is: af deploy status",
      "a deploy that dies is followed by the next: no lock stays",
    ],
  });
}

/** Undefined when somebody was faster. */
async function write(leasing: Leasing, found: JsonObject | undefined): Promise<JsonObject | undefined> {
  const { access, name, labels, holder, pace, durationMs = leaseLimits.durationMs } = leasing;
  const now = microTime(pace.nowMs());
  const spec = {
    holderIdentity: holder,
    leaseDurationSeconds: Math.ceil(durationMs / 1_000),
    acquireTime: now,
    renewTime: now,
  };
  try {
    if (found === undefined) return await access.create({ ...kind, metadata: { name, labels }, spec });
    return await access.replace({ ...found, ...kind, spec });
  } catch (error) {
    if (wasOvertaken(error)) return undefined;
    throw error;
  }
}

function keep(leasing: Leasing, taken: JsonObject): HeldLease {
  const { access, pace, durationMs = leaseLimits.durationMs } = leasing;
  const lost = new AbortController();
  const ended = new AbortController();
  let held = taken;
  const renewing = (async () => {
    let renewedMs = pace.nowMs();
    while (!ended.signal.aborted) {
      await pace.wait(Math.min(leaseLimits.renewMs, durationMs / 3), ended.signal).catch(() => undefined);
      if (ended.signal.aborted) return;
      try {
        const spec = { ...objectAt(held, "spec"), renewTime: microTime(pace.nowMs()) };
        held = await access.replace({ ...held, spec });
        renewedMs = pace.nowMs();
      } catch (error) {
        const gone = wasOvertaken(error) || (AgentFlowError.is(error) && error.code === "not_found");
        if (!gone && pace.nowMs() - renewedMs < durationMs) continue;
        lost.abort(lostError(error));
        return;
      }
    }
  })();
  return {
    lost: lost.signal,
    release: async () => {
      ended.abort();
      await renewing;
      if (lost.signal.aborted) return;
      const spec = { ...objectAt(held, "spec"), holderIdentity: "", leaseDurationSeconds: 1 };
      // Who cannot give it back leaves it to expire.
      await access.replace({ ...held, spec }).catch(() => undefined);
    },
  };
}

function wasOvertaken(error: unknown): boolean {
  return AgentFlowError.is(error) && (error.code === "conflict" || error.code === "already_exists");
}

function lostError(cause: unknown): AgentFlowError {
  if (AgentFlowError.is(cause) && cause.code === "unavailable") return cause;
  return new AgentFlowError("conflict", "somebody else has begun to deploy this target", {
    reason: "deploy_overtaken",
    suggestions: ["how it is: af deploy status"],
    cause,
  });
}

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
