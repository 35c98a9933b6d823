/** How work on an installation is shown: live on a terminal, in plain lines elsewhere, not with --json. */
import { showDuration } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { type Text, bold, cut, dim, green, red, yellow } from "../output/text.ts";

export type ShownState =
  | "stopping"
  | "removed"
  | "creating"
  | "changing"
  | "starting"
  | "ready"
  | "kept"
  | "failed";

export interface Shown {
  step(text: string): void;
  line(text: string): void;
  container(name: string, state: ShownState): void;
  /** Leaves what is there as it is; before errors and results. */
  close(): void;
}

const redrawMs = 120;
const heartbeatMs = 10_000;

/** Whoever opens it closes it. `stack` is cut off the names of containers: each begins with it. */
export function showWork(output: Output, stack: string, width = 22): Shown {
  if (output.json) return { step: nothing, line: nothing, container: nothing, close: nothing };
  return output.talkTerminal ? new LiveLines(output, { stack, width }) : new PlainLines(output, stack);
}

function nothing(): void {
  // JSON was asked for: the answer says it all.
}

interface Row {
  state: ShownState;
  readonly sinceMs: number;
  tookMs: number | undefined;
}

const ended: ReadonlySet<ShownState> = new Set(["removed", "ready", "kept", "failed"]);
const words: Readonly<Record<ShownState, string>> = {
  stopping: "ends what it has in flight",
  removed: "removed",
  creating: "is made",
  changing: "is changed",
  starting: "starts",
  ready: "ready",
  kept: "as it was",
  failed: "failed",
};

function moved(rows: Map<string, Row>, name: string, state: ShownState): Row {
  const before = rows.get(name);
  const sinceMs = before === undefined || ended.has(before.state) ? performance.now() : before.sinceMs;
  const row = { state, sinceMs, tookMs: ended.has(state) ? performance.now() - sinceMs : undefined };
  rows.set(name, row);
  return row;
}

class LiveLines implements Shown {
  readonly #output: Output;
  readonly #stack: string;
  /** Of the names. */
  readonly #width: number;
  readonly #rows = new Map<string, Row>();
  readonly #timer: NodeJS.Timeout;
  #step = "";
  #last = "";
  #drawn = 0;

  constructor(output: Output, { stack, width }: { readonly stack: string; readonly width: number }) {
    this.#output = output;
    this.#stack = `${stack}-`;
    this.#width = width;
    this.#timer = setInterval(() => this.#draw(), redrawMs);
  }

  step(text: string): void {
    this.#step = text;
    this.#last = "";
    this.#draw();
  }

  line(text: string): void {
    this.#last = text;
  }

  container(name: string, state: ShownState): void {
    this.#step = "";
    this.#last = "";
    moved(this.#rows, name, state);
    this.#draw();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#step = "";
    this.#last = "";
    this.#draw();
    this.#drawn = 0;
  }

  /** Lines of what has ended stay above; only what is under way is drawn over. */
  #draw(): void {
    const text = ([name, row]: [string, Row]): Text =>
      rowText(name.replace(this.#stack, "").padEnd(this.#width), row);
    const all = [...this.#rows];
    const done = all.filter(([, { state }]) => ended.has(state));
    for (const [name] of done) this.#rows.delete(name);
    const work: Text[] = this.#step === "" ? [] : [[dim("· "), this.#step]];
    const last: Text[] = this.#last === "" ? [] : [dim(`    ${this.#last}`)];
    const open = [...all.filter(([, { state }]) => !ended.has(state)).map(text), ...work, ...last];
    const lines = [...done.map(text), ...open].map((line) => cut(line, this.#output.talkWidth - 1));
    this.#output.redraw(lines, this.#drawn);
    this.#drawn = open.length;
  }
}

function rowText(name: string, { state, sinceMs, tookMs }: Row): Text {
  const time = dim(`  ${showDuration(Math.round((tookMs ?? performance.now() - sinceMs) / 100) * 100)}`);
  const label = bold(name);
  if (state === "kept") return [dim("= "), dim(name), " ", dim(words.kept)];
  if (state === "ready") return [green("✓ "), label, " ", words.ready, time];
  if (state === "removed") return [dim("- "), label, " ", words.removed, time];
  if (state === "failed") return [red("✗ "), label, " ", red(words.failed), time];
  return [yellow("… "), label, " ", words[state], time];
}

class PlainLines implements Shown {
  readonly #output: Output;
  readonly #stack: string;
  readonly #rows = new Map<string, Row>();
  readonly #heartbeat: NodeJS.Timeout;
  #step: { readonly text: string; readonly sinceMs: number } | undefined;
  #saidMs = performance.now();

  constructor(output: Output, stack: string) {
    this.#output = output;
    this.#stack = `${stack}-`;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs / 10);
  }

  step(text: string): void {
    this.#step = { text, sinceMs: performance.now() };
    this.#say(text);
  }

  line(_text: string): void {
    // What a tool prints is shown when it fails.
  }

  container(name: string, state: ShownState): void {
    this.#step = undefined;
    const { tookMs } = moved(this.#rows, name, state);
    const took = tookMs === undefined || state === "kept" ? "" : ` (${showDuration(Math.round(tookMs))})`;
    this.#say(`${name.replace(this.#stack, "")} ${words[state]}${took}`);
  }

  close(): void {
    clearInterval(this.#heartbeat);
  }

  #say(text: string): void {
    this.#saidMs = performance.now();
    this.#output.say(text);
  }

  /** Something to read at least every ten seconds, for logs that are watched for a sign of life. */
  #beat(): void {
    if (performance.now() - this.#saidMs < heartbeatMs) return;
    const since = (ms: number): string => showDuration(Math.round((performance.now() - ms) / 1_000) * 1_000);
    const open = [...this.#rows].filter(([, { state }]) => !ended.has(state));
    const waits = open.map(([name, { sinceMs }]) => `${name.replace(this.#stack, "")} (${since(sinceMs)})`);
    if (this.#step !== undefined) waits.push(`${this.#step.text} (${since(this.#step.sinceMs)})`);
    this.#say(`still: ${waits.join(", ") || "at work"}`);
  }
}
