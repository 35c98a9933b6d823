import { sleep, type World } from "@agentflow/host/clock";
import type { Shard } from "@agentflow/protocol";
import type { HotRuns } from "./hot-runs.ts";
import type { RunActor } from "./run-actor.ts";

const lookEveryMs = 10;

/** Resolves once no run of these shards is at work, or `maxMs` have passed. */
export async function quiet(
  hot: HotRuns,
  of: { readonly shards: ReadonlySet<Shard>; readonly maxMs: number; readonly world: World },
): Promise<void> {
  const { clock, timers } = of.world;
  const until = clock.monotonic() + of.maxMs;
  const isAtWork = ({ ref, busy, waiting }: RunActor): boolean =>
    (busy || waiting.length > 0) && of.shards.has(ref.shard);
  while (hot.all().some(isAtWork) && clock.monotonic() < until) await sleep(timers, lookEveryMs);
}
