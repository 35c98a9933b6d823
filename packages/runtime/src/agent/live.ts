/**
 * What happens in a step while it happens, to whoever looks: an observer, never waited for. Pieces that come
 * one after the other leave in one message.
 */
import type { Wire } from "@agentflow/bus";
import type { Clock, Timers } from "@agentflow/host/clock";
import { createBatcher } from "@agentflow/host/log";
import {
  type LiveMessage,
  type LivePart,
  type RunId,
  type StepInstance,
  type TenantId,
  instant,
  subjects,
} from "@agentflow/protocol";
import type { Masks } from "../worker/masks.ts";
import { agentLimits } from "./limits.ts";
import { maskedParts } from "./masked-parts.ts";

export interface Live {
  tell(parts: readonly LivePart[]): void;
  /** What waits leaves at once. */
  close(): Promise<void>;
}

export interface LiveOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly masks: Masks;
  readonly tenant: TenantId;
  readonly run: RunId;
  readonly step: StepInstance;
  readonly attempt: number;
}

export function createLive(options: LiveOptions): Live {
  const { wire, clock, timers, masks, tenant, run, step, attempt } = options;
  const subject = subjects.live({ tenant, run });
  const masked = maskedParts(masks);
  let seq = 0;
  const batcher = createBatcher<LivePart>({
    timers,
    maxMs: agentLimits.liveMs,
    maxBytes: agentLimits.liveBytes,
    backlogBytesMax: agentLimits.liveBacklogBytes,
    sizeOf: lengthOf,
    send(parts) {
      const at = instant(clock.now());
      const message: LiveMessage = {
        v: 1,
        kind: "live",
        at,
        step,
        attempt,
        seq: ++seq,
        parts: joined(parts),
      };
      wire.publish(subject, JSON.stringify(message));
    },
  });
  return {
    tell(parts) {
      for (const part of parts) for (const shown of masked.mask(part)) batcher.add(shown);
    },
    close() {
      for (const shown of masked.end()) batcher.add(shown);
      return batcher.close();
    },
  };
}

function lengthOf(part: LivePart): number {
  switch (part.kind) {
    case "text":
    case "reasoning":
      return part.text.length;
    case "progress":
      return part.message.length + (part.data === undefined ? 0 : JSON.stringify(part.data).length);
    default:
      return 40;
  }
}

/** Pieces of one text that follow each other as one piece. */
function joined(parts: readonly LivePart[]): readonly LivePart[] {
  const out: LivePart[] = [];
  for (const part of parts) {
    const last = out.at(-1);
    const next = last === undefined ? undefined : joinedWith(last, part);
    if (next === undefined) out.push(part);
    else out[out.length - 1] = next;
  }
  return out;
}

function joinedWith(a: LivePart, b: LivePart): LivePart | undefined {
  if ((a.kind !== "text" && a.kind !== "reasoning") || a.kind !== b.kind || a.n !== b.n) return undefined;
  return a.from + a.text.length === b.from ? { ...a, text: a.text + b.text } : undefined;
}
