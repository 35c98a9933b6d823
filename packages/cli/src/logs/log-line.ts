/** A log record as a line for people: time, source, place, message, fields. */
import type { LogLevel, LogRecord, LogSource } from "@agentflow/protocol";
import { type Style, type Text, bold, dim, pad } from "../output/text.ts";
import { clockTime } from "../output/when.ts";

const sourceStyles: ReadonlyMap<string, Style> = new Map(
  Object.entries<Style>({
    "control-plane": "blue",
    worker: "magenta",
    runner: "magenta",
    tool: "green",
    agent: "cyan",
    bus: "yellow",
    container: "yellow",
    cli: "dim",
  } satisfies { [Source in LogSource]: Style }),
);

const levelStyles: ReadonlyMap<string, Style> = new Map(
  Object.entries<Style>({
    trace: "dim",
    debug: "dim",
    info: "dim",
    warn: "yellow",
    error: "red",
    fatal: "red",
  } satisfies { [Level in LogLevel]: Style }),
);

const sourceColumns = 9;

const shortSources: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "control-plane": "control",
    worker: "worker",
    runner: "runner",
    tool: "tool",
    agent: "agent",
    bus: "bus",
    container: "container",
    cli: "cli",
  } satisfies { [Source in LogSource]: string }),
);

/**
 * The lines of one record: what the message says over several lines is indented below the first. With
 * `workers` also which worker it is of, each name always in the same colour.
 */
export function logText(record: LogRecord, { workers = false }: { readonly workers?: boolean } = {}): Text[] {
  const [first = "", ...more] = record.message.split("\n");
  const place = placeOf(record);
  const head: Text = [
    dim(clockTime(record.at)),
    " ",
    { style: levelStyles.get(record.level) ?? "dim", text: record.level.slice(0, 1).toUpperCase() },
    " ",
    pad(bold(sourceText(record.source)), sourceColumns),
    " ",
    ...(workers && record.worker !== undefined ? [nameText(record.worker), " "] : []),
    ...(place === "" ? [] : [record.source === "container" ? nameText(place) : dim(place), " "]),
    first,
    ...fields(record),
  ];
  return [head, ...more.map((line): Text => [" ".repeat(16 + sourceColumns), line])];
}

const nameStyles: readonly Style[] = ["cyan", "green", "magenta", "blue", "yellow"];

/** A name in the colour that its letters choose: the same in every command and every terminal. */
function nameText(name: string): Text {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0;
  return { style: nameStyles[hash % nameStyles.length] ?? "dim", text: name };
}

/** A newer installation may know sources that this build does not. */
function sourceText(source: string): Text {
  return {
    style: sourceStyles.get(source) ?? "dim",
    text: shortSources.get(source) ?? source.slice(0, sourceColumns),
  };
}

function placeOf({ run, step, attempt, name }: LogRecord): string {
  const where =
    step === undefined ? name : attempt !== undefined && attempt > 1 ? `${step}#${attempt}` : step;
  const short = run === undefined ? "" : shortRun(run);
  return [short, where ?? ""].filter((part) => part !== "").join("/");
}

/** Head and tail: runs that start within the same minute share all of the head. */
export function shortRun(run: string): string {
  return `${run.slice(0, 4)}…${run.slice(-5)}`;
}

function fields(record: LogRecord): Text[] {
  return Object.entries(record.fields ?? {}).map(([key, value]) => {
    return [" ", dim(`${key}=`), typeof value === "string" ? value : JSON.stringify(value)];
  });
}

/** `key=value` pairs, quoted where they must be; what is the same on every line is left out. */
export function logfmt(record: LogRecord): string {
  const { at, level, source, message, fields: more = {}, writer: _, seq: _seq, ...rest } = record;
  const where = Object.entries(rest).filter(
    ([key, value]) => !["v", "kind"].includes(key) && !(key === "tenant" && value === "default"),
  );
  const pairs = Object.entries({ at, level, source, ...Object.fromEntries(where), msg: message, ...more });
  return pairs
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${quoted(typeof value === "string" ? value : JSON.stringify(value))}`)
    .join(" ");
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
