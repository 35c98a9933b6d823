/**
 * Follows the containers beside the merged stream: adds what the bus lacks, and takes over while it is
 * silent.
 */
import type { ContainerTimes, FollowingLines } from "@agentflow/cluster";
import type { LogRecord } from "@agentflow/protocol";
import { setTimeout as delay } from "node:timers/promises";
import { type Conditions, isNarrowed, suits } from "./conditions.ts";
import { type ContainerPlace, type Output, outputOf } from "./containers.ts";
import { openLines } from "./line-source.ts";
import type { Seen } from "./seen.ts";
import { lateMs, Unsent } from "./unsent.ts";

export interface ContainerFollowing {
  readonly place: ContainerPlace;
  readonly conditions: Conditions;
  readonly seen: Seen;
  /** What was read of them; undefined when nothing could be: then what they print from now on. */
  readonly behind: ContainerTimes | undefined;
  /** Of what was read: what nobody else has told of yet. */
  readonly unsent?: readonly Output[];
  readonly redact: (text: string) => string;
  readonly signal: AbortSignal;
  readonly add: (record: ShownRecord) => void;
}

/** `raw`: straight from a container, while the control plane did not answer. */
export type ShownRecord = LogRecord & { readonly raw?: true };

export interface ContainerSide {
  /** The control plane does not answer, or does again. */
  setRaw(isRaw: boolean): void;
}

export function followContainers(of: ContainerFollowing): ContainerSide {
  const { conditions, seen, signal, add, redact } = of;
  const unsent = new Unsent(seen);
  let raw = false;
  const show = (record: LogRecord | undefined): void => {
    if (record === undefined || !(isGap(record) || suits(record, conditions))) return;
    add(raw ? { ...record, raw } : record);
  };
  const isChosen = isNarrowed(conditions);
  const take = (output: Output): void => {
    if (output.writer === undefined || raw) return show(output.record());
    // What is not asked for never comes over the bus: it would wait here for ever.
    const record = isChosen ? output.record() : undefined;
    if (!isChosen || (record !== undefined && suits(record, conditions))) unsent.keep(output);
  };
  for (const output of of.unsent ?? []) take(output);
  const onEnd = async (copy: string): Promise<void> => {
    await delay(lateMs, undefined, { signal });
    for (const record of unsent.take(copy)) show(record);
  };
  void follow(of, {
    onLine: (line) => take(outputOf(line, redact)),
    onEnd: ({ copy }) => void onEnd(copy).catch(() => undefined),
  });
  return {
    setRaw(isRaw) {
      raw = isRaw;
      if (isRaw) for (const record of unsent.take()) show(record);
    },
  };
}

/** What was lost is told whatever is asked for. */
function isGap({ source, name, writer }: LogRecord): boolean {
  return source === "bus" && name === "gap" && writer === undefined;
}

type Handlers = Pick<FollowingLines, "onLine" | "onEnd">;

async function follow({ place, behind, signal }: ContainerFollowing, handlers: Handlers): Promise<void> {
  const from = behind === undefined ? { behind: new Map<string, string>(), sinceMs: Date.now() } : { behind };
  while (!signal.aborted) {
    try {
      const source = await openLines(place);
      try {
        await source.follow({ ...from, signal, ...handlers });
      } finally {
        source.close();
      }
    } catch {
      await delay(1_000, undefined, { signal }).catch(() => undefined);
    }
  }
}
