/** A command as it stands in agentflow.yaml, as words for one image; with a shell only where it needs one. */
import { AgentFlowError } from "@agentflow/protocol";

export type LoadCommand = readonly [program: string, ...rest: string[]];

const placeholder = "{image}";
/** What words alone do not say: pipes, redirections, several commands, variables, patterns. */
const needsShell = /[|&;<>()$`*?[\]~#\n]/;

type Quote = "none" | "single" | "double";

interface Letter {
  readonly text: string;
  readonly quote: Quote;
  /** Behind a backslash. */
  readonly plain: boolean;
}

/**
 * The image becomes part of a word, never of a line that a shell reads: where one is needed it is handed
 * over as an argument, and `"${1}"` stands in its place.
 */
export function parseCommand(command: string): (image: string) => LoadCommand {
  if (!command.includes(placeholder)) throw wrong(command, `it names no ${placeholder}`);
  const letters = lettersOf(command);
  const isForShell = letters.some(
    ({ text, quote, plain }) =>
      !plain && ((quote === "none" && needsShell.test(text)) || (quote === "double" && /[$`]/.test(text))),
  );
  if (isForShell) return forShell(command, letters);
  const words = wordsOf(letters);
  const [first = ""] = words;
  if (first === "" || first.includes(placeholder)) throw wrong(command, "it begins with no program");
  return (image) => {
    const [program = first, ...rest] = words.map((word) => word.replaceAll(placeholder, image));
    return [program, ...rest];
  };
}

function forShell(command: string, letters: readonly Letter[]): (image: string) => LoadCommand {
  let script = "";
  let from = 0;
  for (let at = find(command, from); at !== -1; at = find(command, from)) {
    const quote = quoteAt(letters, at);
    if (quote === "single") throw wrong(command, `${placeholder} stands in single quotes`);
    script += command.slice(from, at) + (quote === "double" ? "${1}" : '"${1}"');
    from = at + placeholder.length;
  }
  script += command.slice(from);
  return (image) => ["/bin/sh", "-c", script, "imageLoad", image];
}

function find(command: string, from: number): number {
  return command.indexOf(placeholder, from);
}

/** In which quotes the letter at that place of the command stands. */
function quoteAt(letters: readonly Letter[], at: number): Quote {
  let place = 0;
  for (const { text, quote, plain } of letters) {
    if (place >= at) return quote;
    place += text.length + (plain ? 1 : 0);
  }
  return "none";
}

/** Quotes are letters too: they open and close. */
function lettersOf(command: string): Letter[] {
  const letters: Letter[] = [];
  let quote: Quote = "none";
  for (let at = 0; at < command.length; at++) {
    const text = command.charAt(at);
    const next = command.charAt(at + 1);
    const escapes = text === "\\" && next !== "" && quote !== "single";
    if (escapes && (quote === "none" || /["\\$`]/.test(next))) {
      letters.push({ text: next, quote, plain: true });
      at++;
      continue;
    }
    letters.push({ text, quote, plain: false });
    if (text === "'" && quote !== "double") quote = quote === "single" ? "none" : "single";
    else if (text === '"' && quote !== "single") quote = quote === "double" ? "none" : "double";
  }
  if (quote !== "none") throw wrong(command, "a quote in it has no end");
  return letters;
}

function wordsOf(letters: readonly Letter[]): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const { text, quote, plain } of letters) {
    const isQuote = !plain && ((text === "'" && quote !== "double") || (text === '"' && quote !== "single"));
    if (isQuote) word ??= "";
    else if (!plain && quote === "none" && /\s/.test(text)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + text;
  }
  return word === undefined ? words : [...words, word];
}

function wrong(command: string, why: string): AgentFlowError {
  return new AgentFlowError("invalid_project", `imageLoad ${JSON.stringify(command)}: ${why}`, {
    reason: "image_load_command",
    details: { command },
    suggestions: [`write it such as: kind load docker-image ${placeholder}`],
  });
}
