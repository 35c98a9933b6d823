/** What the command library says about flags and arguments, in our words. */
import type { CommandEntry } from "./help/parse-command-table.ts";

export interface UsageMessage {
  readonly message: string;
  /** A word that is none of the allowed ones, with those. */
  readonly mistaken?: { readonly word: string; readonly allowed: readonly string[] };
}

/** Falls back on the library's own words, without its advice, where there are none of ours. */
export function usageMessage(text: string, entry: CommandEntry | undefined): UsageMessage {
  const lines = linesOf(text);
  const whole = lines.join("\n");
  const command = entry === undefined ? "af" : `af ${entry.id.replaceAll(":", " ")}`;
  for (const [pattern, say] of sayings) {
    const match = pattern.exec(whole);
    if (match !== null) return say(match, { command, entry });
  }
  return { message: whole };
}

interface Around {
  readonly command: string;
  readonly entry: CommandEntry | undefined;
}

type Saying = (match: RegExpExecArray, around: Around) => UsageMessage;

const sayings: readonly (readonly [RegExp, Saying])[] = [
  [
    /^Missing \d+ required args?:\n(.+)$/s,
    ([, list = ""], { command }) => ({
      message: list
        .split("\n")
        .map((line) => missing(line, command))
        .join("\n"),
    }),
  ],
  [
    /^Unexpected arguments?: (.+)$/,
    ([, given], { command }) => ({ message: `${command} does not take "${given}"` }),
  ],
  [
    /^Nonexistent flags?: (.+)$/,
    ([, given], { command }) => ({ message: `${command} has no flag ${given}` }),
  ],
  [
    /^Expected --([\w-]+)=(.*) to be one of: (.+)$/s,
    ([, flag, word = "", allowed = ""]) => oneOf(`--${flag}`, word, allowed),
  ],
  [
    /^Expected (.*) to be one of: (.+)$/s,
    ([, word = "", allowed = ""], { command }) => oneOf(command, word, allowed),
  ],
  [
    /^Parsing --([\w-]+)\nExpected (an? [\w ]+?) but received: (.*)$/s,
    ([, flag, kind, given]) => ({ message: `--${flag} takes ${kind}, not ${given}` }),
  ],
  [/^Flag (--[\w-]+) expects a value$/, ([, flag]) => ({ message: `${flag} needs a value after it` })],
  [
    /^The following errors? occurred:\n(.+)$/s,
    ([, list = ""], { entry }) => ({
      message: list
        .split("\n")
        .map((line) => constraint(line, entry))
        .join("\n"),
    }),
  ],
];

/** `name  what it is`, with the allowed words in brackets where there are any. */
function missing(line: string, command: string): string {
  const [name = "", ...what] = line.split(/\s+/);
  return `${command} needs ${name.toUpperCase()}: ${what.join(" ").replace(/^\([^)]*\|[^)]*\) /, "")}`;
}

function oneOf(what: string, word: string, list: string): UsageMessage {
  const message = `${what} takes one of ${list}, not "${word}"`;
  return { message, mistaken: { word, allowed: list.split(", ") } };
}

function constraint(line: string, entry: CommandEntry | undefined): string {
  const name = /^Missing required flag ([\w-]+)$/.exec(line)?.[1];
  if (name !== undefined) {
    const { description = "", options } = entry?.flags[name] ?? {};
    return `--${name} is missing: ${description}${options === undefined ? "" : ` (${options.join(", ")})`}`;
  }
  const both = /^(--[\w-]+)=.* cannot also be provided when using (--[\w-]+)$/s.exec(line);
  return both === null ? line : `${both[1]} and ${both[2]} exclude each other`;
}

/** The library's advice on flags that swallow what follows; ours take one value each. */
const aboutGreedyFlags = /^(Note: --.* allows? multiple values|Alternatively, you can use "--")/;

function linesOf(text: string): string[] {
  return text
    .replace(/\nSee more help with --help$/, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !aboutGreedyFlags.test(line));
}
