import type { Revision, RowChange, Table } from "@agentflow/bus";
import { type Stop, type World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { unixMs, type WorkerPresence } from "@agentflow/protocol";

export interface DeadRowsParts {
  readonly table: Table;
  readonly world: World;
  readonly say: Log;
  /** True for the one control plane that removes them. */
  readonly isFirst: () => boolean;
}

const sweepEveryMs = 60_000;
/** A worker that was last seen so long ago is not coming back under its row. */
const keptMs = 3_600_000;
/** Its clock may be wrong: a row that still changes is of a worker that lives, whatever it says. */
const unchangedMs = 60_000;

interface Known {
  readonly seenAt: string;
  readonly revision: Revision;
  /** When this engine saw it change, by a clock that nobody sets. */
  readonly changedMs: number;
}

/** Rows of workers that died long ago go; one that comes back meanwhile has another revision and stays. */
export class DeadRows {
  private readonly parts: DeadRowsParts;
  private readonly rows = new Map<string, Known>();
  private readonly stopped = new AbortController();
  private sweeping: Promise<void> | undefined;
  private stopTimer: Stop = () => undefined;

  constructor(parts: DeadRowsParts) {
    this.parts = parts;
  }

  /** `presence` undefined: the row is gone, or of a kind that this build leaves alone. */
  changed({ key, revision }: RowChange, presence: WorkerPresence | undefined): void {
    if (presence === undefined) this.rows.delete(key);
    else if (this.rows.get(key)?.revision !== revision) {
      const changedMs = this.parts.world.clock.monotonic();
      this.rows.set(key, { seenAt: presence.seenAt, revision, changedMs });
    }
  }

  start(): void {
    const sweep = (): void => {
      this.sweeping ??= this.sweep().finally(() => {
        this.sweeping = undefined;
      });
    };
    this.stopTimer = this.parts.world.timers.every(sweepEveryMs, sweep, { background: true });
  }

  async stop(): Promise<void> {
    this.stopTimer();
    this.stopped.abort();
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    const { table, world, say, isFirst } = this.parts;
    if (!isFirst()) return;
    const now = world.clock.now();
    const monotonic = world.clock.monotonic();
    for (const [key, { seenAt, revision, changedMs }] of this.rows) {
      if (this.stopped.signal.aborted) return;
      if (now - unixMs(seenAt) < keptMs || monotonic - changedMs < unchangedMs) continue;
      try {
        const deleted = await table.delete(key, { expect: revision });
        if (deleted.ok) say.info("the row of a worker that is long gone was removed", { row: key });
      } catch (error) {
        say.debug("the row of a dead worker was not removed", { error });
      }
    }
  }
}
