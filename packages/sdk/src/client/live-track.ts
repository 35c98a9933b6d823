/** Makes one ordered stream of what a live follow brings: no text twice, none left out. */
import type {
  Instant,
  Json,
  JournalView,
  LiveView,
  ModelReply,
  RunEventView,
  StepInstance,
  TurnEvent,
} from "@agentflow/protocol";

interface OfStep {
  readonly run: string;
  readonly step: string;
  /** When the worker told it. */
  readonly at: Instant;
}

/** `n` counts the model calls of a step: (run, step, n) names a reply. */
interface OfReply extends OfStep {
  readonly n: number;
}

export type LiveItem =
  | { readonly kind: "event"; readonly event: RunEventView; readonly cursor: string | undefined }
  | { readonly kind: "journal"; readonly record: JournalView; readonly cursor: string | undefined }
  /** The next piece of a reply; `from` is the place of its first character. */
  | (OfReply & { readonly kind: "text" | "reasoning"; readonly from: number; readonly text: string })
  /** The model has begun to ask for a call. */
  | (OfReply & { readonly kind: "call"; readonly tool: string })
  /** The reply broke off: what was told of it counts for nothing. Another one follows under the next `n`. */
  | (OfReply & { readonly kind: "void"; readonly reason: string })
  | (OfStep & {
      readonly kind: "progress";
      readonly call: string;
      readonly message: string;
      readonly data?: Json;
    });

interface Reply {
  text: number;
  reasoning: number;
  calls: number;
}

interface Step {
  /** Replies up to here have their end in the journal, and it was told. */
  done: number;
  readonly open: Map<number, Reply>;
}

/**
 * Pieces come with their place and may overlap, and some may be lost: then nothing more is told of the reply
 * until the journal brings it whole, and with it what was not told.
 */
export class LiveTrack {
  readonly #steps = new Map<string, Step>();

  event(event: RunEventView, cursor: string | undefined): LiveItem[] {
    const { kind } = event.event;
    if (kind === "run_completed" || kind === "run_failed" || kind === "run_cancelled")
      this.#forget(event.run);
    return [{ kind: "event", event, cursor }];
  }

  journal(view: JournalView, cursor: string | undefined): LiveItem[] {
    const items = view.record.events.flatMap((event) => this.#fromJournal(view, event));
    return [...items, { kind: "journal", record: view, cursor }];
  }

  live({ run, live }: LiveView): LiveItem[] {
    const { step, at } = live;
    const of = { run, step, at };
    return live.parts.flatMap((part): LiveItem[] => {
      if (part.kind === "progress") return [{ ...of, ...part }];
      const { n } = part;
      const known = this.#step(run, step);
      if (n <= known.done) return [];
      switch (part.kind) {
        case "text":
        case "reasoning":
          return this.#piece({ ...of, n, kind: part.kind }, part);
        case "call": {
          const reply = replyOf(known, n);
          const index = part.index ?? reply.calls;
          if (index < reply.calls) return [];
          reply.calls = index + 1;
          return [{ kind: "call", ...of, n, tool: part.tool }];
        }
        default:
          return this.#void({ ...of, n }, part.reason);
      }
    });
  }

  #fromJournal({ run, step }: JournalView, event: TurnEvent): LiveItem[] {
    switch (event.kind) {
      case "model_replied":
        return this.#whole({ run, step, n: event.n, at: event.at }, event.reply);
      case "model_failed":
        return this.#end({ run, step, n: event.n, at: event.at }, event.failure.message);
      case "model_lost":
        return this.#end({ run, step, n: event.n, at: event.at }, "the attempt that made the call is gone");
      default:
        return [];
    }
  }

  #piece(
    of: OfReply & { readonly kind: "text" | "reasoning" },
    { from, text }: { readonly from: number; readonly text: string },
  ): LiveItem[] {
    const reply = replyOf(this.#step(of.run, of.step), of.n);
    const told = reply[of.kind];
    if (from > told || from + text.length <= told) return [];
    reply[of.kind] = from + text.length;
    return [{ ...of, from: told, text: text.slice(told - from) }];
  }

  #whole(of: OfReply, reply: ModelReply): LiveItem[] {
    if (of.n <= this.#step(of.run, of.step).done) return [];
    const items = (["reasoning", "text"] as const).flatMap((kind) => {
      const text = reply.parts.map((part) => (part.kind === kind ? part.text : "")).join("");
      return this.#piece({ ...of, kind }, { from: 0, text });
    });
    this.#close(of);
    return items;
  }

  /** As a reply that is void, where something of it was told and that was not said yet. */
  #end(of: OfReply, reason: string): LiveItem[] {
    const step = this.#step(of.run, of.step);
    const wasTold = isTold(step.open.get(of.n)) && of.n > step.done;
    this.#close(of);
    return wasTold ? [{ kind: "void", ...of, reason }] : [];
  }

  /** What comes of this reply from now on is late. */
  #void(of: OfReply, reason: string): LiveItem[] {
    const wasTold = isTold(this.#step(of.run, of.step).open.get(of.n));
    this.#close(of);
    return wasTold ? [{ kind: "void", ...of, reason }] : [];
  }

  #close({ run, step, n }: OfReply): void {
    const known = this.#step(run, step);
    known.done = Math.max(known.done, n);
    for (const one of known.open.keys()) if (one <= known.done) known.open.delete(one);
  }

  #step(run: string, step: StepInstance | string): Step {
    const key = `${run} ${step}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const made: Step = { done: 0, open: new Map() };
    this.#steps.set(key, made);
    return made;
  }

  #forget(run: string): void {
    for (const key of this.#steps.keys()) if (key.startsWith(`${run} `)) this.#steps.delete(key);
  }
}

function replyOf({ open }: Step, n: number): Reply {
  const known = open.get(n);
  if (known !== undefined) return known;
  const made: Reply = { text: 0, reasoning: 0, calls: 0 };
  open.set(n, made);
  return made;
}

function isTold(reply: Reply | undefined): boolean {
  return reply !== undefined && reply.text + reply.reasoning + reply.calls > 0;
}
