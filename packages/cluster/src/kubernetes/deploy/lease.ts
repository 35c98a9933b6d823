/** One deploy at a time, by a Lease that cannot be left behind: who dies with it is followed. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { Pace } from "../pace.ts";
import type { Access } from "./access.ts";
import { numberAt, objectAt, textAt } from "./reading.ts";

const kind = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" } as const;

export const leaseLimits = {
  durationMs: 15_000,
  renewMs: 5_000,
  lookMs: 500,
  roundsMax: 8,
  /** Who leaves does not wait longer for a server that is silent. */
  releaseMs: 2_000,
  /** Whatever somebody has written into it: nobody waits longer for one that is not renewed. */
  waitMsMax: 120_000,
} as const;

/** Who deploys. */
export interface DeployHolder {
  /** For others to read: `ann@laptop (process 4711)`; differs for each deploy. */
  readonly name: string;
  /** Tells this process from every other that ever was; left out where that cannot be known. */
  readonly process?: string;
  /** Whether that process is known to be dead. False of what cannot be seen from here. */
  isDead(process: string): boolean;
}

export interface Leasing {
  readonly access: Access;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly holder: DeployHolder;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Said once, when there is somebody else's lease. */
  readonly onHeld?: (held: HeldBy) => void;
  readonly durationMs?: number;
}

export interface HeldBy {
  readonly holder: string;
  /** It is taken over at once; else it is waited for as long as this. */
  readonly isDead: boolean;
  readonly seconds: number;
}

/** What is done about somebody else's lease. */
export function heldText({ holder, isDead, seconds }: HeldBy): string {
  if (isDead) return `${holder} died in the middle of a deploy: going on from there`;
  return `waiting up to ${seconds}s to see whether ${holder} still deploys`;
}

export interface HeldLease {
  /** Version of the lease that it took the place of; undefined when there was none. */
  readonly follows: string | undefined;
  /** Aborts when the lease was lost: somebody else deploys. */
  readonly lost: AbortSignal;
  /** Throws when it could not be renewed for so long that somebody may have taken it: as after a sleep. */
  check(): void;
  /** Told so, nothing of it stays: with `remove` it is taken away instead of given back. */
  release(how?: { readonly remove: boolean }): Promise<void>;
}

const processKey = "agentflow.dev/process";

/**
 * Takes it when it is free. One whose process died on this machine is taken over at once. Any other is
 * watched for as long as it is valid: renewed meanwhile, its holder lives, and this refuses; else it is taken
 * over. Clocks of two machines are never compared.
 */
export async function takeLease(leasing: Leasing): Promise<HeldLease> {
  for (let round = 0; round < leaseLimits.roundsMax; round++) {
    const found = await leasing.access.get({ ...kind, name: leasing.name });
    const holder = textAt(found, "spec", "holderIdentity");
    if (found !== undefined && holder !== "") await waitOut(leasing, found);
    const taken = await write(leasing, found);
    if (taken !== undefined) return keep(leasing, taken, found);
  }
  throw new AgentFlowError("conflict", "several deploys of this target begin at the same time", {
    reason: "deploy_in_progress",
    suggestions: ["try again when they are done: af deploy status"],
  });
}

/** Its version while nobody deploys: as long as it is the same, nobody has. Undefined when somebody does. */
export async function freeVersion(access: Access, name: string): Promise<string | undefined> {
  const found = await access.get({ ...kind, name });
  if (found === undefined || textAt(found, "spec", "holderIdentity") !== "") return undefined;
  return textAt(found, "metadata", "resourceVersion");
}

async function waitOut(leasing: Leasing, found: JsonObject): Promise<void> {
  const { access, name, holder: own, pace, signal, onHeld } = leasing;
  const version = textAt(found, "metadata", "resourceVersion");
  const isDead = own.isDead(textAt(found, "metadata", "annotations", processKey));
  const toldMs = Math.max(1, numberAt(found, "spec", "leaseDurationSeconds")) * 1_000;
  const forMs = Math.min(toldMs, leaseLimits.waitMsMax);
  onHeld?.({ holder: textAt(found, "spec", "holderIdentity"), isDead, seconds: forMs / 1_000 });
  if (isDead) return;
  const untilMs = pace.nowMs() + forMs;
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
  const annotations = holder.process === undefined ? {} : { [processKey]: holder.process };
  const spec = {
    holderIdentity: holder.name,
    leaseDurationSeconds: Math.ceil(durationMs / 1_000),
    acquireTime: now,
    renewTime: now,
  };
  try {
    if (found === undefined)
      return await access.create({ ...kind, metadata: { name, labels, annotations }, spec });
    return await access.replace({
      ...found,
      ...kind,
      metadata: { ...objectAt(found, "metadata"), annotations },
      spec,
    });
  } catch (error) {
    if (!wasOvertaken(error)) throw error;
    // Perhaps by ourselves: the answer to the first try was lost.
    const there = await access.get({ ...kind, name });
    return isSame(there, spec) ? there : undefined;
  }
}

function isSame(lease: JsonObject | undefined, spec: JsonObject): boolean {
  return ["holderIdentity", "acquireTime"].every(
    (key) => textAt(lease, "spec", key) === textAt({ spec }, "spec", key),
  );
}

function keep(leasing: Leasing, taken: JsonObject, found: JsonObject | undefined): HeldLease {
  const { access, name, pace, durationMs = leaseLimits.durationMs } = leasing;
  const lost = new AbortController();
  const ended = new AbortController();
  let held = taken;
  let renewedMs = pace.nowMs();
  const isLate = (): boolean => pace.nowMs() - renewedMs >= durationMs;
  const renew = async (): Promise<void> => {
    const sentMs = pace.nowMs();
    const spec = { ...objectAt(held, "spec"), renewTime: microTime(sentMs) };
    try {
      held = await access.replace({ ...held, spec });
    } catch (error) {
      const there = wasOvertaken(error) ? await access.get({ ...kind, name }) : undefined;
      if (there === undefined || !isSame(there, spec)) throw error;
      held = there;
    }
    renewedMs = sentMs;
  };
  const renewing = (async () => {
    while (!ended.signal.aborted && !lost.signal.aborted) {
      await pace.wait(Math.min(leaseLimits.renewMs, durationMs / 3), ended.signal).catch(() => undefined);
      if (ended.signal.aborted) return;
      try {
        await renew();
      } catch (error) {
        const gone = wasOvertaken(error) || (AgentFlowError.is(error) && error.code === "not_found");
        if (gone || isLate()) lost.abort(lostError(error));
      }
    }
  })();
  // A request may hang for longer than the lease is valid: then nobody waits for its answer.
  const watching = (async () => {
    while (!ended.signal.aborted && !lost.signal.aborted) {
      const leftMs = Math.max(1, renewedMs + durationMs - pace.nowMs());
      await pace.wait(leftMs, ended.signal).catch(() => undefined);
      if (!ended.signal.aborted && isLate()) lost.abort(lostError(undefined));
    }
  })();
  return {
    follows: found === undefined ? undefined : textAt(found, "metadata", "resourceVersion"),
    lost: lost.signal,
    check: () => {
      if (isLate()) lost.abort(lostError(undefined));
      lost.signal.throwIfAborted();
    },
    release: async ({ remove } = { remove: false }) => {
      if (ended.signal.aborted) return;
      ended.abort();
      await watching;
      if (lost.signal.aborted) return;
      const giveBack = async (): Promise<void> => {
        await renewing;
        // While it is held: nobody else can have taken it.
        if (remove) {
          await access.remove({ ...kind, name }, textAt(held, "metadata", "uid"));
          return;
        }
        const spec = { ...objectAt(held, "spec"), holderIdentity: "", leaseDurationSeconds: 1 };
        await access.replace({ ...held, spec });
      };
      const left = new AbortController();
      const late = pace.wait(leaseLimits.releaseMs, left.signal);
      // Who cannot give it back leaves it to expire.
      await Promise.race([giveBack(), late]).catch(() => undefined);
      left.abort();
      await late.catch(() => undefined);
    },
  };
}

function wasOvertaken(error: unknown): boolean {
  return AgentFlowError.is(error) && (error.code === "conflict" || error.code === "already_exists");
}

function lostError(cause: unknown): AgentFlowError {
  if (AgentFlowError.is(cause) && cause.code === "unavailable") return cause;
  if (cause === undefined)
    return new AgentFlowError("unavailable", "the lease of this deploy could not be renewed in time", {
      reason: "deploy_lease_expired",
      suggestions: ["somebody else may deploy now: af deploy status", "go on: af deploy"],
    });
  return new AgentFlowError("conflict", "somebody else has begun to deploy this target", {
    reason: "deploy_overtaken",
    suggestions: ["how it is: af deploy status"],
    cause,
  });
}

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
