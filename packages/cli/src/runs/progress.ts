/** What a watched run is doing: a line an event; on a terminal also a live block of what runs now. */
import { type RunEventView, type WhyReason, failureText, showDuration } from "@agentflow/protocol";
import type { LiveItem } from "@agentflow/sdk/client";
import type { Output } from "../output/output.ts";
import { type Text, bold, cut, cyan, dim } from "../output/text.ts";
import { eventLine } from "./event-line.ts";
import { Speech } from "./speech.ts";

export interface Progress {
  event(view: RunEventView): void;
  /** What agents say and do, of a run that is followed live. */
  live(item: Exclude<LiveItem, { readonly kind: "event" }>): void;
  /** What it waits for, while nothing comes. */
  waits(reason: WhyReason): void;
  /** The last failure of a step that was shown. */
  failure(): string | undefined;
  /** Takes the live block away; what happened stays. */
  end(): void;
}

const redrawMs = 120;
const liveMax = 8;
const speechMax = 8;

export function showProgress(output: Output): Progress {
  const running = new Map<string, number>();
  let drawn = 0;
  let failure: string | undefined;
  const speech = new Speech(output.talkWidth);
  const live = output.talkTerminal && !output.json;
  const draw = (): void => {
    const under = speech.under().slice(-speechMax);
    const lines = [...under, ...liveLines(running)].map((line) => cut(line, output.talkWidth - 1));
    output.redraw(lines, drawn);
    drawn = lines.length;
  };
  const clear = (): void => {
    if (drawn > 0) output.redraw([], drawn);
    drawn = 0;
  };
  const timer = live ? setInterval(draw, redrawMs) : undefined;
  timer?.unref();
  return {
    event(view) {
      track(running, view);
      const line = eventLine(view.event);
      if (line === undefined) return;
      clear();
      output.say(line);
      if (view.event.kind === "step_failed") failure = failureText(view.event.failure);
      if (view.event.kind === "step_unknown")
        output.say(dim(["    the run waits for you: ", cyan(`af why ${view.run}`)]));
      if (live) draw();
    },
    live(item) {
      const lines = speech.take(item);
      if (lines.length === 0) return;
      clear();
      for (const line of lines) output.say(line);
      if (live) draw();
    },
    waits({ step, message, command }) {
      clear();
      const where = step === undefined ? "" : [bold(step), " "];
      const next = command === undefined ? "" : [dim(" · "), cyan(command)];
      output.say(["  ", dim("… "), where, `waits: ${message}`, next]);
      if (live) draw();
    },
    failure: () => failure,
    end() {
      clearInterval(timer);
      clear();
    },
  };
}

function track(running: Map<string, number>, { event }: RunEventView): void {
  if (!("step" in event) || event.step === undefined) return;
  if (event.kind === "task_dispatched") running.set(event.step, Date.parse(event.at));
  else if (event.kind !== "attempt_started" && event.kind !== "event_emitted") running.delete(event.step);
}

function liveLines(running: ReadonlyMap<string, number>): Text[] {
  const now = Date.now();
  const lines = [...running].slice(0, liveMax).map(([step, since]): Text => {
    return ["  ", bold(cyan("…")), " ", step, dim(`  ${showDuration(Math.max(0, now - since))}`)];
  });
  const more = running.size - liveMax;
  return more > 0 ? [...lines, dim(`    and ${more} more`)] : lines;
}
