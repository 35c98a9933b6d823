/** A run's steps against time, in the width of the screen: waiting drawn apart from work. */
import {
  type AttemptView,
  type InterruptionView,
  type RunView,
  type SpanRecord,
  type StepView,
  showDuration,
  showSandbox,
  failureText,
} from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { type Style, type Text, bold, cut, cyan, dim, pad, red, widthOf, yellow } from "../output/text.ts";
import { statusMark, statusText } from "../runs/outcome.ts";
import { inOrderOfStart } from "../runs/step-order.ts";
import { chatUsage, costsOf, usageCell } from "./cost.ts";
import { type SpanLine, foldLimits, spanName, spanTree } from "./span-tree.ts";

export interface Traced {
  readonly view: RunView;
  readonly spans: readonly SpanRecord[];
  readonly nowMs: number;
  /** Nothing is folded. */
  readonly all?: boolean;
}

interface Scale {
  readonly fromMs: number;
  readonly totalMs: number;
  readonly columns: number;
}

const nameColumns = 24;
const timeColumns = 9;
/** Tokens in and out, and their price: only where a model was called. */
const usageColumns = 18;
const barColumnsMin = 20;

export function printTrace(output: Output, { view, spans, nowMs, all = false }: Traced): void {
  const fromMs = Date.parse(view.startedAt);
  const toMs = Math.max(view.endedAt === undefined ? nowMs : Date.parse(view.endedAt), fromMs + 1);
  const screen = Math.min(Number.isFinite(output.width) ? output.width : 80, 160);
  const hasUsage = spans.some((span) => chatUsage(span) !== undefined);
  const columns = Math.max(
    barColumnsMin,
    screen - nameColumns - timeColumns - 3 - (hasUsage ? usageColumns + 1 : 0),
  );
  const scale: Scale = { fromMs, totalMs: toMs - fromMs, columns };
  output.line([
    statusMark(view.status),
    " ",
    bold(view.workflow),
    "  ",
    view.run,
    "  ",
    statusText(view.status),
    dim(` in ${showDuration(scale.totalMs)}  build ${view.build}`),
  ]);
  if (view.codes.length > 1) output.line(yellow(`! this run mixes code: ${view.codes.join(", ")}`));
  output.line(dim(axis(scale)));
  const { shown, folded } = foldItems(inOrderOfStart(view.steps), all);
  for (const step of shown) {
    const own = spans.filter((one) => one.step !== undefined && isWithin(one.step, step.step, view.steps));
    const [first, ...more] = stepRows(step, scale, nowMs);
    if (first !== undefined) print(output, { ...first, usage: stepUsage(own) });
    for (const row of more) print(output, row);
    for (const line of spanTree(own, { all })) print(output, spanRow(line, scale));
    const rest = folded.get(step.step);
    if (rest !== undefined) output.line(dim(`  … ${rest} more items of ${baseOf(step.step)} (--all)`));
  }
  output.line(dim("░ waiting  █ working  ▒ lost"));
}

interface Row {
  /** Tokens and money. */
  readonly usage?: string;
  readonly name: Text;
  readonly bar: Text;
  readonly time: Text;
  readonly note?: Text;
  /** What else there is to say, before the note. */
  readonly more?: readonly Text[];
}

function print(output: Output, { name, bar, time, note, usage = "", more = [] }: Row): void {
  const line = [pad(cut(name, nameColumns), nameColumns), " ", bar, " ", pad(time, timeColumns, "right")];
  output.line(usage === "" ? line : [...line, " ", dim(pad(usage, usageColumns, "right"))]);
  const columns = Number.isFinite(output.width) ? output.width - 4 : 2_000;
  for (const one of note === undefined ? more : [...more, note])
    output.line([" ".repeat(4), cut(one, columns)]);
}

function axis(scale: Scale): string {
  const end = showDuration(scale.totalMs);
  const middle = showDuration(scale.totalMs / 2);
  const half = Math.floor((scale.columns - middle.length) / 2);
  const left = `0${" ".repeat(Math.max(1, half - 1))}${middle}`;
  const right = " ".repeat(Math.max(1, scale.columns - left.length - end.length));
  return `${" ".repeat(nameColumns + 1)}${left}${right}${end}`;
}

const stepMarks: { readonly [status: string]: readonly [string, Style] } = {
  succeeded: ["✓", "green"],
  caught: ["✓", "yellow"],
  failed: ["✗", "red"],
  cancelled: ["■", "yellow"],
  skipped: ["–", "dim"],
  unknown: ["?", "yellow"],
  running: ["…", "cyan"],
  retrying: ["↻", "yellow"],
};

function stepRows(step: StepView, scale: Scale, nowMs: number): Row[] {
  const [mark, style] = stepMarks[step.status] ?? ["·", "dim"];
  const items = step.items === undefined ? "" : ` ×${step.items.count}`;
  const name: Text = [{ style, text: mark }, " ", `${step.step}${items}`];
  const failure = step.failure === undefined ? {} : { note: red(failureText(step.failure)) };
  if (step.attempts.length === 0) {
    const time = step.startedAt === undefined ? dim(step.status) : took(step.startedAt, step.endedAt, nowMs);
    const fill = step.uses === "wait" ? "░" : "█";
    const bar = barOf(scale, [{ from: step.startedAt, to: step.endedAt, fill, style: "dim" }], nowMs);
    return [{ name, bar, time, ...failure }];
  }
  const [first, ...more] = step.attempts;
  const lead = first === undefined ? [] : [attemptRow({ attempt: first, name, scale, nowMs })];
  const rows = [
    ...lead,
    ...more.map((attempt) =>
      attemptRow({ attempt, name: ["  ", yellow("↻"), dim(` attempt ${attempt.attempt}`)], scale, nowMs }),
    ),
  ];
  const last = rows.pop();
  return last === undefined ? rows : [...rows, { ...last, ...failure }];
}

interface AttemptAt {
  readonly attempt: AttemptView;
  readonly name: Text;
  readonly scale: Scale;
  readonly nowMs: number;
}

function attemptRow({ attempt, name, scale, nowMs }: AttemptAt): Row {
  const { dispatchedAt, startedAt, endedAt, outcome, interruptions = [] } = attempt;
  const style: Style = outcome === "failed" ? "red" : outcome === "lost" ? "yellow" : "cyan";
  const fill = outcome === "lost" ? "▒" : "█";
  const bar = barOf(
    scale,
    [
      { from: dispatchedAt, to: startedAt ?? endedAt, fill: "░", style: "dim" },
      ...interruptions.map((one) => interruptedPart(one)),
      { from: startedAt, to: endedAt, fill, style },
    ],
    nowMs,
  );
  const time = startedAt === undefined ? dim("queued") : took(startedAt, endedAt, nowMs);
  const lost =
    outcome === "lost" ? { note: yellow(`attempt ${attempt.attempt} was lost with its worker`) } : {};
  const failed = attempt.failure === undefined ? {} : { note: red(failureText(attempt.failure)) };
  const { sandbox } = attempt;
  const more = [
    ...interruptions.map((one) => yellow(interruptionText(attempt.attempt, one))),
    ...(sandbox === undefined ? [] : [dim(`in a sandbox: ${showSandbox(sandbox)}`)]),
  ];
  return { name, bar, time, more, ...lost, ...failed };
}

/** What a worker had done when everything was killed: up to when it was last heard of. */
function interruptedPart({ at, holder }: InterruptionView): Part {
  const to = holder === undefined || holder.seenAt > at ? at : holder.seenAt;
  return { from: holder?.startedAt, to, fill: "▒", style: "yellow" };
}

function interruptionText(attempt: number, { at, holder }: InterruptionView): string {
  if (holder === undefined) return `the queue restarted: attempt ${attempt} was sent again at ${at}`;
  const silence = showDuration(Math.max(0, Date.parse(at) - Date.parse(holder.seenAt)));
  const what = `attempt ${attempt} was interrupted on ${holder.worker}`;
  return `${what}, last heard of ${silence} before it was sent again at ${at}`;
}

function spanRow(line: SpanLine, scale: Scale): Row {
  const indent = "  ".repeat(line.depth + 2);
  if ("folded" in line) {
    const name = [indent, dim(`… ${line.folded} more (--all)`)];
    return { name, bar: pad("", scale.columns), time: "" };
  }
  const { span } = line;
  const endedAt = new Date(Date.parse(span.startedAt) + span.ms).toISOString();
  const style: Style = span.ok ? "magenta" : "red";
  const bar = barOf(scale, [{ from: span.startedAt, to: endedAt, fill: "▂", style }], Date.parse(endedAt));
  const name = [indent, span.ok ? dim(spanName(span)) : red(spanName(span))];
  return { name, bar, time: dim(showDuration(span.ms)), usage: usageCell(chatUsage(span)) };
}

function stepUsage(spans: readonly SpanRecord[]): string {
  const { total } = costsOf(spans);
  return total.modelCalls === 0 ? "" : usageCell(total);
}

/** A span of a journal that is no step of the run is of an agent that the step's agent called. */
function isWithin(spanStep: string, step: string, steps: readonly StepView[]): boolean {
  if (spanStep === step) return true;
  return spanStep.startsWith(`${step}~`) && !steps.some((one) => one.step === spanStep);
}

function baseOf(step: string): string {
  return step.split("~")[0] ?? step;
}

/** Of many items of a step the first and the last are shown; `folded` says behind which how many are not. */
function foldItems(steps: readonly StepView[], all: boolean) {
  const items = Map.groupBy(
    steps.filter(({ step }) => step.includes("~")),
    ({ step }) => baseOf(step),
  );
  const hidden = new Set<string>();
  const folded = new Map<string, number>();
  for (const list of items.values()) {
    if (all || list.length <= foldLimits.siblings) continue;
    // One that failed is what somebody looks for.
    const middle = list.slice(foldLimits.kept, -foldLimits.kept).filter(({ status }) => status !== "failed");
    for (const { step } of middle) hidden.add(step);
    const last = list[foldLimits.kept - 1];
    if (last !== undefined) folded.set(last.step, middle.length);
  }
  return { shown: steps.filter(({ step }) => !hidden.has(step)), folded };
}

interface Part {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly fill: string;
  readonly style: Style;
}

function barOf(scale: Scale, parts: readonly Part[], nowMs: number): Text {
  const cells: Text[] = Array.from({ length: scale.columns }, () => " ");
  for (const { from, to, fill, style } of parts) {
    if (from === undefined) continue;
    const start = columnOf(Date.parse(from), scale);
    const end = columnOf(to === undefined ? nowMs : Date.parse(to), scale);
    // What took no time to speak of is still there to be seen.
    for (let i = start; i <= Math.max(start, end - 1) && i < cells.length; i++)
      cells[i] = { style, text: fill };
  }
  const bar = joined(cells);
  return widthOf(bar) < scale.columns ? pad(bar, scale.columns) : bar;
}

/** Neighbours of one style as one piece: fewer escapes, the same picture. */
function joined(cells: readonly Text[]): Text[] {
  const out: { style: Style | undefined; text: string }[] = [];
  for (const cell of cells) {
    const isStyled = typeof cell === "object" && "style" in cell;
    const style = isStyled ? cell.style : undefined;
    const text = isStyled && typeof cell.text === "string" ? cell.text : " ";
    const last = out.at(-1);
    if (last !== undefined && last.style === style) last.text += text;
    else out.push({ style, text });
  }
  return out.map(({ style, text }) => (style === undefined ? text : { style, text }));
}

function columnOf(ms: number, scale: Scale): number {
  const column = Math.floor(((ms - scale.fromMs) / scale.totalMs) * scale.columns);
  return Math.min(scale.columns - 1, Math.max(0, column));
}

function took(from: string, to: string | undefined, nowMs: number): Text {
  const ms = (to === undefined ? nowMs : Date.parse(to)) - Date.parse(from);
  return to === undefined ? cyan(`${showDuration(Math.max(0, ms))}…`) : showDuration(Math.max(0, ms));
}
