/** A run that is followed over a socket: what came and was not taken yet, and where to go on behind it. */
import type { ClientMessage, RunEventView, ServerMessage } from "@agentflow/protocol";
import { type LiveItem, LiveTrack } from "./live-track.ts";

type FollowedMessage = Extract<ServerMessage, readonly ["event" | "journal" | "live", ...unknown[]]>;

/** Above this what is told live is let go of: the journal brings it when its reply is whole. */
const waitingMax = 1_000;
const backoffMinMs = 50;
const backoffMaxMs = 2_000;

export class SessionFollow {
  backoffMs = backoffMinMs;
  readonly #run: string;
  readonly #live: boolean;
  readonly #track = new LiveTrack();
  #after: string;
  #waiting: FollowedMessage[] = [];
  #over: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(of: { readonly run: string; readonly after: string; readonly live: boolean }) {
    this.#run = of.run;
    this.#after = of.after;
    this.#live = of.live;
  }

  /** Asks for what lies behind all that came. */
  message(id: number): ClientMessage {
    return this.#live
      ? ["follow", id, this.#run, this.#after, { live: true }]
      : ["follow", id, this.#run, this.#after];
  }

  take(message: FollowedMessage): void {
    this.backoffMs = backoffMinMs;
    if (message[0] !== "live") this.#after = message[3];
    else if (this.#waiting.length >= waitingMax) return;
    this.#waiting.push(message);
    this.#wake();
  }

  slower(): void {
    this.backoffMs = Math.min(this.backoffMs * 2, backoffMaxMs);
  }

  end(error?: unknown): void {
    this.#over ??= error === undefined ? {} : { error };
    this.#wake();
  }

  async *items(): AsyncGenerator<LiveItem, void> {
    for (;;) {
      const messages = this.#waiting;
      this.#waiting = [];
      for (const message of messages) yield* this.#itemsOf(message);
      if (this.#waiting.length > 0) continue;
      if (this.#over !== undefined) {
        if ("error" in this.#over) throw this.#over.error;
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #itemsOf(message: FollowedMessage): readonly LiveItem[] {
    switch (message[0]) {
      case "event":
        return this.#track.event(message[2], message[3]);
      case "journal":
        return this.#track.journal(message[2], message[3]);
      default:
        return this.#track.live(message[2]);
    }
  }
}

/** The events alone, for those who asked for no more. */
export async function* eventsOf(items: AsyncIterable<LiveItem>): AsyncGenerator<RunEventView, void> {
  for await (const item of items) if (item.kind === "event") yield item.event;
}
