/** Help, made from the table of commands: quick, and the same everywhere. */
import type { Output } from "../output/output.ts";
import { type Text, bold, cyan, dim, pad } from "../output/text.ts";
import { exitCodeTable } from "./exit-codes.ts";
import { findCommand, unknownCommand } from "./find-command.ts";
import type { CommandEntry, CommandTable, FlagEntry } from "./parse-command-table.ts";
import { wrap } from "./wrap.ts";

export interface HelpWorld {
  readonly table: CommandTable;
  readonly output: Output;
}

/** Prints what was asked for; answers the exit code. */
export function printHelp(argv: readonly string[], { table, output }: HelpWorld): number {
  const words = argv.filter((word) => !word.startsWith("-") && word !== "help");
  if (words[0] === "exit-codes") return printExitCodes(output);
  if (words.length === 0) return printOverview(output, table);
  const found = findCommand(words, table);
  if (found.kind === "unknown") throw unknownCommand(found.words, table);
  const topic = found.kind === "topic" ? found.topic : found.id;
  const entry = found.kind === "command" ? table.commands[found.id] : undefined;
  const below = visibleCommands(table).filter((one) =>
    spaced(one).startsWith(`${topic.replaceAll(":", " ")} `),
  );
  output.data({ ...(entry === undefined ? {} : { command: entry }), commands: below });
  if (entry !== undefined) printCommand(output, entry);
  if (below.length > 0) {
    if (entry !== undefined) output.line();
    output.line(bold(entry === undefined ? `Commands of af ${topic}` : "Commands"));
    printList(
      output,
      below.map((one) => [`af ${spaced(one)}`, one.summary ?? ""]),
    );
  }
  return 0;
}

const groups: readonly (readonly [string, readonly string[]])[] = [
  ["Start", ["init", "dev", "validate", "doctor", "secrets set"]],
  [
    "Work",
    [
      "run",
      "run list",
      "run get",
      "run watch",
      "run cancel",
      "run resolve",
      "approvals list",
      "approvals approve",
    ],
  ],
  ["See", ["status", "top", "logs", "trace", "why", "debug", "usage"]],
  ["Know", ["workflow list", "agent list", "tool list", "worker list", "model list"]],
  ["Keep", ["run archive", "backup", "backup verify", "restore"]],
  ["Elsewhere", ["context list", "context use", "context add"]],
];

function printOverview(output: Output, table: CommandTable): number {
  const commands = visibleCommands(table);
  output.data({ version: table.version, commands, exitCodes: exitCodeTable() });
  output.line([bold("af"), dim(` ${table.version}  `), "make, run and repair systems of agents"]);
  output.line();
  output.line(["  af init my-project   ", dim("a project that runs, from nothing")]);
  output.line(["  af dev               ", dim("everything running here, reloading as you save")]);
  output.line(["  af run hello         ", dim("start work and watch it")]);
  const named = new Set(groups.flatMap(([, ids]) => ids));
  const rest = commands.map(spaced).filter((id) => !named.has(id));
  for (const [title, ids] of [...groups, ["More", rest] as const]) {
    output.line();
    output.line(bold(title));
    const shown = ids.flatMap((id) => commands.filter((one) => spaced(one) === id));
    printList(
      output,
      shown.map((one) => [spaced(one), one.summary ?? ""]),
    );
  }
  output.line();
  output.line(dim("af help COMMAND · af help exit-codes · every command takes --json"));
  return 0;
}

function printExitCodes(output: Output): number {
  const codes = exitCodeTable();
  output.data({ exitCodes: codes });
  output.line(bold("Exit codes"));
  for (const { code, meaning, errors } of codes) {
    const from = errors.length === 0 ? "" : dim(`: ${errors.join(", ")}`);
    output.line([pad(bold(String(code)), 5, "right"), "  ", meaning, from]);
  }
  return 0;
}

function printCommand(output: Output, entry: CommandEntry): void {
  const flags = Object.values(entry.flags).filter(({ hidden }) => hidden !== true);
  for (const line of wrap(entry.summary ?? "", 80)) output.line(line);
  output.line();
  output.line([bold("Usage  "), usageOf(entry)]);
  if (entry.description !== undefined) output.line();
  for (const paragraph of paragraphsOf(entry.description ?? ""))
    for (const line of wrap(paragraph, 80)) output.line(line);
  if ((entry.examples ?? []).length > 0) output.line();
  if ((entry.examples ?? []).length > 0) output.line(bold("Examples"));
  for (const example of entry.examples ?? []) output.line(["  ", cyan(example)]);
  const args = Object.values(entry.args).map(({ name, description }): [string, string] => [
    name.toUpperCase(),
    description ?? "",
  ]);
  printSection(output, "Arguments", args);
  const own = flags.filter(({ helpGroup }) => helpGroup !== "GLOBAL");
  printSection(output, "Flags", own.map(flagRow));
  printSection(output, "Everywhere", flags.filter(({ helpGroup }) => helpGroup === "GLOBAL").map(flagRow));
}

/** A new line is one of the author's only behind the end of a sentence; others came from their editor. */
function paragraphsOf(description: string): string[] {
  return description === "" ? [] : description.replace(/(?<![.:!?])\n/g, " ").split("\n");
}

function printSection(output: Output, title: string, rows: readonly (readonly [string, string])[]): void {
  if (rows.length === 0) return;
  output.line();
  output.line(bold(title));
  printList(output, rows);
}

function printList(output: Output, rows: readonly (readonly [string, string])[]): void {
  const width = Math.min(30, Math.max(...rows.map(([name]) => name.length)));
  for (const [name, text] of rows) {
    const lines = wrap(text, 80 - width - 4);
    const first: Text = ["  ", pad(cyan(name), width), "  "];
    if (name.length > width) output.line(["  ", cyan(name)]);
    output.line([name.length > width ? " ".repeat(width + 4) : first, lines[0] ?? ""]);
    for (const line of lines.slice(1)) output.line([" ".repeat(width + 4), line]);
  }
}

function flagRow(flag: FlagEntry): [string, string] {
  const short = flag.char === undefined ? "    " : `-${flag.char}, `;
  const value = flag.type === "boolean" ? "" : ` ${flag.helpValue ?? "VALUE"}`;
  const options = flag.options === undefined ? "" : ` (${flag.options.join(", ")})`;
  const isShown = flag.default !== undefined && flag.default !== false;
  const preset = isShown ? ` [${presetText(flag.default)}]` : "";
  return [
    `${short}--${flag.allowNo === true ? "[no-]" : ""}${flag.name}${value}`,
    `${flag.description ?? ""}${options}${preset}`,
  ];
}

function presetText(preset: unknown): string {
  if (Array.isArray(preset)) return preset.join(", ");
  return typeof preset === "string" ? preset : (JSON.stringify(preset) ?? "");
}

function usageOf(entry: CommandEntry): string {
  const all = Object.values(entry.args);
  const args = all.map(({ name, required }, i) => {
    const several = entry.strict === false && i === all.length - 1 ? "…" : "";
    return required === true ? `${name.toUpperCase()}${several}` : `[${name.toUpperCase()}${several}]`;
  });
  return ["af", spaced(entry), ...args, "[FLAGS]"].join(" ");
}

function spaced({ id }: { readonly id: string }): string {
  return id.replaceAll(":", " ");
}

function visibleCommands(table: CommandTable): CommandEntry[] {
  return Object.values(table.commands).filter(({ hidden }) => hidden !== true);
}
