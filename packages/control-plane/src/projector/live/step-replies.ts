/** The replies of one step that are on their way, and what may be told of them now. */
import type { LiveMessage, LivePart, StepInstance, TurnEvent } from "@agentflow/protocol";
import { TextTrack } from "./text-track.ts";

/** Replies that are under way in one step at one time: one, or two while the log is behind. */
const repliesMax = 8;
const toolsMax = 200;
/** What is kept of a tool's name: it is the model's own word. */
const toolCharsMax = 200;

interface Reply {
  readonly text: TextTrack;
  readonly reasoning: TextTrack;
  readonly tools: string[];
}

type Head = Omit<LiveMessage, "parts">;

/**
 * A piece of reply `n` is told once the journal says that call `n` was made, where the journal is known: so
 * nobody hears of a reply before all that led to it.
 */
export class StepReplies {
  readonly #step: StepInstance;
  readonly #replies = new Map<number, Reply>();
  #head: Head | undefined;
  /** The newest call that the journal speaks of; unknown to those who came in the middle. */
  #called: number | undefined;
  /** Calls up to here have their end in the journal. */
  #done = 0;

  constructor(step: StepInstance) {
    this.#step = step;
  }

  get length(): number {
    let length = 0;
    for (const { text, reasoning, tools } of this.#replies.values()) {
      length += text.length + reasoning.length;
      for (const tool of tools) length += tool.length;
    }
    return length;
  }

  /** Takes a message in; gives what of it is told now. */
  add({ parts, ...head }: LiveMessage): LiveMessage | undefined {
    this.#head = head;
    const told = parts.flatMap((part) => this.#take(part) ?? []);
    return told.length === 0 ? undefined : { ...head, parts: told };
  }

  /** Takes a journal's event in; gives what was held back for it. */
  journal(event: TurnEvent): LiveMessage | undefined {
    switch (event.kind) {
      case "model_called":
        this.#called = Math.max(this.#called ?? 0, event.n);
        return this.#message([event.n]);
      case "model_replied":
      case "model_failed":
      case "model_lost":
        this.#end(event.n);
        return undefined;
      case "agent_finished":
      case "agent_failed":
        this.#end(Math.max(this.#done, ...this.#replies.keys()));
        return undefined;
      default:
        return undefined;
    }
  }

  /** All that may be told of replies under way, for somebody who comes now. */
  soFar(): LiveMessage | undefined {
    return this.#message([...this.#replies.keys()].filter((n) => this.#isTold(n)));
  }

  /** Lets go of what was said: who comes later gets those replies from the journal. */
  forget(): void {
    for (const { text, reasoning, tools } of this.#replies.values()) {
      text.forget();
      reasoning.forget();
      tools.fill("");
    }
  }

  /** The part as it is told now; undefined when it is not. */
  #take(part: LivePart): LivePart | undefined {
    if (part.kind === "progress") return part;
    const { n } = part;
    if (n <= this.#done) return undefined;
    if (part.kind === "void") {
      this.#replies.delete(n);
      return part;
    }
    const reply = this.#reply(n);
    if (part.kind !== "call") reply[part.kind].add(part.from, part.text);
    else if (reply.tools.push(part.tool.slice(0, toolCharsMax)) > toolsMax) reply.tools.pop();
    if (!this.#isTold(n)) return undefined;
    // Who comes late gets them all once more: by their place he knows which he has.
    return part.kind === "call" ? { ...part, index: reply.tools.length - 1 } : part;
  }

  #isTold(n: number): boolean {
    return this.#called === undefined || n <= this.#called;
  }

  #reply(n: number): Reply {
    const known = this.#replies.get(n);
    if (known !== undefined) return known;
    const made = { text: new TextTrack(), reasoning: new TextTrack(), tools: [] };
    this.#replies.set(n, made);
    for (const oldest of this.#replies.keys()) {
      if (this.#replies.size <= repliesMax) break;
      this.#replies.delete(oldest);
    }
    return made;
  }

  #end(n: number): void {
    this.#done = Math.max(this.#done, n);
    for (const one of this.#replies.keys()) if (one <= this.#done) this.#replies.delete(one);
  }

  #message(of: readonly number[]): LiveMessage | undefined {
    const parts = of.flatMap((n) => {
      const reply = this.#replies.get(n);
      return reply === undefined ? [] : partsOf(n, reply);
    });
    return this.#head === undefined || parts.length === 0
      ? undefined
      : { ...this.#head, step: this.#step, parts };
  }
}

function partsOf(n: number, { text, reasoning, tools }: Reply): LivePart[] {
  const pieces = [["reasoning", reasoning] as const, ["text", text] as const].flatMap(([kind, track]) =>
    track.length === 0 ? [] : [{ kind, n, ...track.all() }],
  );
  const calls = tools.map((tool, index) => ({ kind: "call" as const, n, tool, index }));
  return [...pieces, ...calls.filter(({ tool }) => tool !== "")];
}
