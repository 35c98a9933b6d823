/**
 * `.env` as shells and Docker read it. Quotes of all three kinds, over lines too; in double quotes `\n`,
 * `\r`, `\t`, `\"`, `\\` and `\$` are escapes. A comment begins at `#` behind a space, so an unquoted
 * `p#ss` is whole. Nothing is put in for `$NAME`.
 */
export interface DotenvText {
  readonly values: ReadonlyMap<string, string>;
  /** Lines that say nothing we understand. Never the text itself: it may be a secret. */
  readonly faults: readonly DotenvFault[];
}

export interface DotenvFault {
  readonly line: number;
  readonly message: string;
}

const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*/;
const blank = /^[ \t]*(#.*)?$/;
const quotes: ReadonlySet<string> = new Set(['"', "'", "`"]);

/** The last of several lines for one name wins. */
export function parseDotenv(text: string): DotenvText {
  const values = new Map<string, string>();
  const faults: DotenvFault[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (blank.test(line)) continue;
    const match = assignment.exec(line);
    if (match === null) {
      faults.push({ line: at + 1, message: "is no NAME=value" });
      continue;
    }
    const [lead, name = ""] = match;
    const quote = line.charAt(lead.length);
    if (!quotes.has(quote)) {
      values.set(name, unquoted(line.slice(lead.length)));
      continue;
    }
    const found = quoted(lines, { line: at, column: lead.length + 1, quote });
    if (found === undefined) {
      faults.push({ line: at + 1, message: `a ${quote} is never closed` });
      continue;
    }
    if (!blank.test(found.after))
      faults.push({ line: found.line + 1, message: `text behind the closing ${quote}` });
    values.set(name, found.value);
    at = found.line;
  }
  return { values, faults };
}

function unquoted(text: string): string {
  return text.replace(/(^|[ \t]+)#.*$/, "").trim();
}

interface Place {
  readonly line: number;
  readonly column: number;
  readonly quote: string;
}

function quoted(
  lines: readonly string[],
  { line, column, quote }: Place,
): { readonly value: string; readonly line: number; readonly after: string } | undefined {
  let value = "";
  for (let at = line; at < lines.length; at++) {
    const text = at === line ? (lines[at] ?? "").slice(column) : (lines[at] ?? "");
    const end = closing(text, quote);
    if (end !== -1) {
      value += text.slice(0, end);
      return { value: quote === '"' ? unescaped(value) : value, line: at, after: text.slice(end + 1) };
    }
    value += `${text}\n`;
  }
  return undefined;
}

function closing(text: string, quote: string): number {
  for (let at = 0; at < text.length; at++) {
    if (quote === '"' && text[at] === "\\") at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

const escapes: { readonly [letter: string]: string } = {
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "\\": "\\",
  $: "$",
};

/** What is no escape stays as it was written: paths and patterns have backslashes too. */
function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (all, letter: string) => escapes[letter] ?? all);
}
