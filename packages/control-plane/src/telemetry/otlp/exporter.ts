/** Spans on their way to a collector: in batches, one at a time, tried again, given up rather than kept. */
import type { Random, Stop, Timers } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { SpanRecord } from "@agentflow/protocol";
import { exportBody, type Resource, type WaitingSpan, waitingSpan } from "./payload.ts";

/** What became of a body. `retry`: the same may be sent again, not before `afterMs` where it is said. */
export type Sent =
  | { readonly kind: "taken"; readonly rejected: number; readonly message?: string }
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: "refused"; readonly reason: string };

export interface ExporterOptions {
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly resource: Resource;
  /** Never throws. */
  readonly post: (body: string) => Promise<Sent>;
  readonly count: (outcome: "sent" | "rejected" | "dropped", spans: number) => void;
}

export const exporterLimits = {
  spansMax: 10_000,
  bytesMax: 16 * 1024 * 1024,
  batchSpansMax: 512,
  batchBytesMax: 1024 * 1024,
  everyMs: 1_000,
  triesMax: 8,
  backoffMs: 1_000,
  backoffMaxMs: 30_000,
  retryAfterMaxMs: 60_000,
} as const;

export class OtlpExporter {
  readonly #options: ExporterOptions;
  readonly #waiting: WaitingSpan[] = [];
  readonly #stopTicks: Stop;
  #bytes = 0;
  #tries = 0;
  #pausing: Stop | undefined;
  #sending: Promise<void> | undefined;
  #isTold = false;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#stopTicks = options.timers.every(exporterLimits.everyMs, () => this.#send(), { background: true });
  }

  /** Takes at most so many that wait; what is over that is dropped and counted. */
  add(tenant: string, record: SpanRecord): void {
    const span = waitingSpan(tenant, record);
    const isFull = this.#waiting.length >= exporterLimits.spansMax || this.#bytes >= exporterLimits.bytesMax;
    if (span === undefined || isFull) return this.#options.count("dropped", 1);
    this.#waiting.push(span);
    this.#bytes += span.text.length;
    if (this.#waiting.length >= exporterLimits.batchSpansMax) this.#send();
  }

  /** Tries once more to send what waits, and gives the rest up. */
  async stop(): Promise<void> {
    this.#stopTicks();
    await this.#sending;
    this.#goOn();
    this.#send();
    await this.#sending;
    this.#goOn();
    this.#give(this.#waiting.length, "dropped");
  }

  #goOn(): void {
    this.#pausing?.();
    this.#pausing = undefined;
  }

  #send(): void {
    if (this.#sending !== undefined || this.#pausing !== undefined || this.#waiting.length === 0) return;
    this.#sending = this.#sendOne().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length >= exporterLimits.batchSpansMax) this.#send();
    });
  }

  async #sendOne(): Promise<void> {
    const { post, resource, log } = this.#options;
    const spans = this.#batch();
    const sent = await post(exportBody(spans, resource));
    if (sent.kind === "taken") return this.#taken(spans.length, sent);
    const isLast = sent.kind === "refused" || ++this.#tries >= exporterLimits.triesMax;
    if (!this.#isTold) log.warn("the collector does not take spans", { reason: sent.reason });
    this.#isTold = true;
    if (!isLast && sent.kind === "retry") return this.#pause(sent.afterMs);
    this.#give(spans.length, "dropped");
    this.#tries = 0;
  }

  #taken(spans: number, { rejected, message }: Extract<Sent, { kind: "taken" }>): void {
    const { log, count } = this.#options;
    if (this.#isTold) log.info("the collector takes spans again");
    if (rejected > 0) log.warn("the collector rejected spans", { rejected, message });
    this.#isTold = false;
    this.#tries = 0;
    const lost = Math.min(rejected, spans);
    if (lost > 0) count("rejected", lost);
    this.#give(spans, "sent", lost);
  }

  #batch(): WaitingSpan[] {
    let bytes = 0;
    const fits = this.#waiting.slice(0, exporterLimits.batchSpansMax).findIndex(({ text }) => {
      bytes += text.length;
      return bytes > exporterLimits.batchBytesMax;
    });
    // One that is too big alone goes alone.
    return this.#waiting.slice(0, fits === -1 ? exporterLimits.batchSpansMax : Math.max(1, fits));
  }

  #give(spans: number, outcome: "sent" | "dropped", less = 0): void {
    for (const { text } of this.#waiting.splice(0, spans)) this.#bytes -= text.length;
    if (spans > less) this.#options.count(outcome, spans - less);
  }

  /** Doubled each time, and spread, so that several that lost the same collector do not come back as one. */
  #pause(afterMs: number | undefined): void {
    const { timers, random } = this.#options;
    const { backoffMs, backoffMaxMs, retryAfterMaxMs } = exporterLimits;
    const backoff =
      Math.min(backoffMaxMs, backoffMs * 2 ** (this.#tries - 1)) * (0.8 + 0.4 * random.number());
    const ms = Math.min(retryAfterMaxMs, Math.max(afterMs ?? 0, backoff));
    const again = (): void => {
      this.#pausing = undefined;
      this.#send();
    };
    this.#pausing = timers.after(ms, again, { background: true });
  }
}
