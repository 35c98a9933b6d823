import type { Queue } from "@agentflow/bus";
import type { Stop, World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { EngineConfig } from "../engine-config.ts";

export interface RevokesParts {
  readonly queue: Queue;
  readonly world: World;
  readonly config: Pick<EngineConfig, "pushMax" | "pushRetryMs">;
  readonly say: Log;
}

/** Tasks that the queue may hold and that nobody needs any more: taken back, again until it answers. */
export class Revokes {
  private readonly parts: RevokesParts;
  private readonly ids = new Set<string>();
  private scheduled = false;
  private stopped = false;
  private revoking: Promise<void> | undefined;
  /** Of its own: what cannot be taken back is no reason to send nothing to anybody. */
  private retry: Stop | undefined;

  constructor(parts: RevokesParts) {
    this.parts = parts;
  }

  /** While there are some, what led to them is not known to be carried out. */
  get isEmpty(): boolean {
    return this.ids.size === 0;
  }

  add(id: string): void {
    this.ids.add(id);
    this.wake();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.();
    await this.revoking;
  }

  /** Once a turn, in one batch. */
  private wake(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      if (!this.isEmpty && (this.revoking ?? this.retry) === undefined) this.revoke();
    });
  }

  private revoke(): void {
    const { queue, config, say } = this.parts;
    const ids = [...this.ids].slice(0, config.pushMax);
    this.revoking = queue
      .revoke(ids)
      .then(
        () => ids.forEach((id) => this.ids.delete(id)),
        (error: unknown) => {
          say.warn("the queue did not take tasks back; trying again", { error, tasks: ids.length });
          this.retryLater();
        },
      )
      .finally(() => {
        this.revoking = undefined;
        this.wake();
      });
  }

  private retryLater(): void {
    if (this.stopped) return;
    this.retry ??= this.parts.world.timers.after(this.parts.config.pushRetryMs, () => {
      this.retry = undefined;
      this.wake();
    });
  }
}
