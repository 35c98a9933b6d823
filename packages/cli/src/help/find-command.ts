import { AgentFlowError, nearest } from "@agentflow/protocol";
import type { CommandTable } from "./parse-command-table.ts";

export type Found =
  | { readonly kind: "command"; readonly id: string; readonly rest: readonly string[] }
  | { readonly kind: "topic"; readonly topic: string }
  | { readonly kind: "unknown"; readonly words: readonly string[] };

/** The longest command that the words begin with. Flags may stand before it only if they take no value. */
export function findCommand(argv: readonly string[], table: CommandTable): Found {
  const lead = leadingFlags(argv);
  const words = argv.slice(lead.length);
  const until = words.findIndex((word) => word.startsWith("-"));
  const plain = until === -1 ? words : words.slice(0, until);
  // `af debug bus` is a topic, and no run called bus.
  const whole = plain.join(":");
  if (plain.length === 2 && isAbove(whole, table)) return { kind: "topic", topic: plain.join(" ") };
  for (let n = Math.min(plain.length, 3); n > 0; n--) {
    const id = plain.slice(0, n).join(":");
    if (Object.hasOwn(table.commands, id)) return { kind: "command", id, rest: [...lead, ...words.slice(n)] };
  }
  const topic = plain[0] ?? "";
  const isTopic = isAbove(topic, table);
  if (isTopic && plain.length === 1) return { kind: "topic", topic };
  return { kind: "unknown", words: plain.slice(0, isTopic ? 2 : 1) };
}

/** Whether commands stand below these words, and they are none themselves with more than one of them. */
function isAbove(words: string, { commands }: CommandTable): boolean {
  const isCommand = words.includes(":") && Object.hasOwn(commands, words);
  return !isCommand && Object.keys(commands).some((id) => id.startsWith(`${words}:`));
}

/** `-C DIR` and switches may come first, as with git and make. */
function leadingFlags(argv: readonly string[]): readonly string[] {
  let n = 0;
  while (argv[n]?.startsWith("-") === true)
    n += argv[n] === "-C" || argv[n] === "--dir" || argv[n] === "--url" || argv[n] === "--context" ? 2 : 1;
  return argv.slice(0, n);
}

export function commandWords(table: CommandTable): string[] {
  return Object.values(table.commands)
    .filter(({ hidden }) => hidden !== true)
    .map(({ id }) => id.replaceAll(":", " "));
}

export function unknownCommand(words: readonly string[], table: CommandTable): AgentFlowError {
  const name = words.join(" ");
  const known = commandWords(table);
  const near =
    // Asked of many tools as a command, of ours as a flag.
    (name === "version" ? "--version" : undefined) ??
    nearest(name, known) ??
    nearest(
      name,
      known.map((command) => command.split(" ")[0] ?? ""),
    );
  return new AgentFlowError("invalid_input", `there is no command "af ${name}"`, {
    reason: "unknown_command",
    suggestions: [...(near === undefined ? [] : [`did you mean: af ${near}`]), "af help"],
  });
}

export function topicNeedsCommand(topic: string, table: CommandTable): AgentFlowError {
  const below = commandWords(table).filter((command) => command.startsWith(`${topic} `));
  return new AgentFlowError("invalid_input", `"af ${topic}" needs a command after it`, {
    reason: "incomplete_command",
    suggestions: below.slice(0, 3).map((command) => `af ${command}`),
  });
}
