/** What agents say and do, as lines: whole lines as they come, and of each step the line that it is at. */
import { failureText, showDuration, type TurnEvent } from "@agentflow/protocol";
import type { LiveItem } from "@agentflow/sdk/client";
import { type Text, cyan, dim, green, pad, red, yellow } from "../output/text.ts";

type Said = Exclude<LiveItem, { readonly kind: "event" }>;
type Piece = Extract<Said, { readonly kind: "text" | "reasoning" }>;

interface Line {
  kind: Piece["kind"];
  text: string;
}

const labelColumns = 16;
/** A line that does not end is broken here, where nobody says how wide the screen is. */
const columnsMax = 200;

export class Speech {
  readonly #columns: number;
  readonly #lines = new Map<string, Line>();
  readonly #asks = new Map<string, string>();

  /** `width`: of the screen. */
  constructor(width: number) {
    this.#columns = Math.max(20, Math.min(width, columnsMax) - labelColumns - 8);
  }

  /** Lines that are complete now. */
  take(item: Said): Text[] {
    switch (item.kind) {
      case "text":
      case "reasoning":
        return this.#piece(item);
      case "call":
        this.#asks.set(item.step, item.tool);
        return [];
      case "progress":
        return [...this.#rest(item.step), row("»", cyan, item.step, item.message)];
      case "void": {
        const what = `broke off, what it said is void: ${item.reason}`;
        return [...this.#rest(item.step), row("!", yellow, item.step, what)];
      }
      default: {
        const { step, record } = item.record;
        const lines = record.events.map((event) => lineOf(step, event)).filter((line) => line !== undefined);
        const ends = record.events.some(({ kind }) => kind === "model_replied" || kind === "model_failed");
        if (ends) this.#asks.delete(step);
        return [...(ends || lines.length > 0 ? this.#rest(step) : []), ...lines];
      }
    }
  }

  /** Lines that are under way. */
  under(): Text[] {
    const lines = [...this.#lines].map(([step, line]) => spoken(step, line));
    const asks = [...this.#asks].map(([step, tool]) => row("→", dim, step, `asks for ${tool}`));
    return [...lines, ...asks];
  }

  #piece({ step, kind, text }: Piece): Text[] {
    const before = this.#lines.get(step);
    const done = before !== undefined && before.kind !== kind ? this.#rest(step) : [];
    const line: Line = this.#lines.get(step) ?? { kind, text: "" };
    const parts = (line.text + text).split(/\r?\n/);
    line.text = parts.pop() ?? "";
    for (const part of parts)
      done.push(...this.#broken(part).map((one) => spoken(step, { kind, text: one })));
    const broken = this.#broken(line.text);
    line.text = broken.pop() ?? "";
    for (const one of broken) done.push(spoken(step, { kind, text: one }));
    if (line.text === "") this.#lines.delete(step);
    else this.#lines.set(step, line);
    return done;
  }

  /** Between words where there are some. */
  #broken(text: string): string[] {
    const lines: string[] = [];
    let rest = text;
    while (rest.length > this.#columns) {
      const space = rest.lastIndexOf(" ", this.#columns);
      const at = space > 0 ? space : this.#columns;
      lines.push(rest.slice(0, at));
      rest = rest.slice(space > 0 ? at + 1 : at);
    }
    return [...lines, rest];
  }

  #rest(step: string): Text[] {
    const line = this.#lines.get(step);
    this.#lines.delete(step);
    return line === undefined ? [] : [spoken(step, line)];
  }
}

function spoken(step: string, { kind, text }: Line): Text {
  return ["    ", dim(pad(step, labelColumns)), " ", kind === "text" ? text : dim(text)];
}

function lineOf(step: string, event: TurnEvent): Text | undefined {
  switch (event.kind) {
    case "call_started":
      return row("→", cyan, step, `${event.call} ${event.uses}`);
    case "call_returned":
      return row("←", green, step, `${event.call} ${showDuration(event.ms)}`);
    case "call_failed":
      return row("←", red, step, `${event.call} ${failureText(event.failure)}`);
    case "call_refused":
      return row("✗", yellow, step, `${event.call} ${event.tool} was refused: ${event.message}`);
    case "call_asked":
      return row("?", yellow, step, `${event.call} ${event.tool} waits for an approval`);
    case "call_answered":
      return row(event.approved ? "✓" : "✗", event.approved ? green : yellow, step, answered(event));
    case "model_failed": {
      const again = event.retryAt === undefined ? "" : "; it is tried again";
      return row("!", yellow, step, `${event.model}: ${failureText(event.failure)}${again}`);
    }
    case "handed_off":
      return row("→", cyan, step, `${event.to} goes on`);
    default:
      return undefined;
  }
}

function answered(event: Extract<TurnEvent, { readonly kind: "call_answered" }>): string {
  const who = event.how === "expired" ? "nobody in time" : (event.by ?? "a person");
  return `${event.call} ${event.approved ? "approved" : "denied"} by ${who}`;
}

function row(mark: string, paint: (text: Text) => Text, step: string, what: string): Text {
  return ["    ", dim(pad(step, labelColumns)), " ", paint(mark), " ", dim(what)];
}
