/** Failed authentications of an address: a bucket each, so that guessing is slow and costs us little. */
import type { Clock } from "@agentflow/host/clock";
import { AgentFlowError } from "@agentflow/protocol";

export interface Throttle {
  /** Throws `limit_exceeded` while the address has failed too often. */
  check(address: string): void;
  failed(address: string): void;
  /** Addresses that are remembered. */
  readonly size: number;
}

export interface ThrottleLimits {
  /** So many failures may come at once. */
  readonly burst: number;
  /** One more is allowed each so often. */
  readonly refillMs: number;
  /** Beyond these the address that failed longest ago is forgotten. */
  readonly addressesMax: number;
}

export const throttleLimits: ThrottleLimits = { burst: 20, refillMs: 1_000, addressesMax: 10_000 };

/** One number an address: the instant at which its bucket is full again. */
export function createThrottle(options: {
  clock: Pick<Clock, "monotonic">;
  limits?: ThrottleLimits;
}): Throttle {
  const { clock } = options;
  const { burst, refillMs, addressesMax } = options.limits ?? throttleLimits;
  const fullAt = new Map<string, number>();
  return {
    check(address) {
      if (fullAt.size === 0) return;
      const debtMs = (fullAt.get(bucketOf(address)) ?? 0) - clock.monotonic();
      if (debtMs <= (burst - 1) * refillMs) return;
      throw new AgentFlowError("limit_exceeded", "too many failed authentications from this address", {
        reason: "too_many_failures",
        details: { retryAfterMs: Math.ceil(debtMs - (burst - 1) * refillMs) },
        suggestions: ["check the token that this client sends"],
      });
    },
    failed(address) {
      const bucket = bucketOf(address);
      const now = clock.monotonic();
      const next = Math.max(fullAt.get(bucket) ?? 0, now) + refillMs;
      fullAt.delete(bucket);
      fullAt.set(bucket, Math.min(next, now + burst * refillMs));
      const [oldest] = fullAt.keys();
      if (fullAt.size > addressesMax && oldest !== undefined) fullAt.delete(oldest);
    },
    get size() {
      return fullAt.size;
    },
  };
}

/** Whoever has an IPv6 address has 2^64 of them: the network is what counts. */
function bucketOf(address: string): string {
  return address.includes(":") ? address.split(":").slice(0, 4).join(":") : address;
}
