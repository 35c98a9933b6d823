/** What may come next on the command line: commands, flags, values, and names the installation knows. */
import type { Client } from "@agentflow/sdk/client";
import { resolve } from "node:path";
import { contextPlaces } from "../config/context-places.ts";
import { listContexts } from "../config/contexts.ts";
import { findInstallation, needProject } from "../config/installation.ts";
import { commandWords } from "../help/find-command.ts";
import type { CommandEntry, CommandTable } from "../help/parse-command-table.ts";
import type { Output } from "../output/output.ts";

export interface Completing {
  readonly table: CommandTable;
  readonly output: Output;
}

/** Prints one candidate a line. Silent, and quick to give up, when there is nothing to say. */
export async function complete(argv: readonly string[], { table, output }: Completing): Promise<void> {
  const words = argv[0] === "--" ? argv.slice(1) : argv;
  const current = words.at(-1) ?? "";
  const candidates = await candidatesOf(words.slice(0, -1), current, table);
  for (const candidate of new Set(candidates)) if (candidate.startsWith(current)) output.line(candidate);
}

async function candidatesOf(
  before: readonly string[],
  current: string,
  table: CommandTable,
): Promise<string[]> {
  const plain = before.filter((word) => !word.startsWith("-"));
  const entry = longestCommand(plain, table);
  const last = before.at(-1) ?? "";
  const flag = entry === undefined ? undefined : flagNamed(entry, last);
  if (flag !== undefined && flag.type === "option") {
    return flag.options === undefined ? dynamic(flag.name, before) : [...flag.options];
  }
  if (current.startsWith("-")) return entry === undefined ? [] : flagsOf(entry);
  const next = nextWords(plain, table);
  if (entry === undefined) return [...next, ...(plain.length === 0 ? ["help"] : [])];
  const position = plain.length - entry.id.split(":").length;
  const arg = Object.values(entry.args)[position];
  if (arg === undefined) return next;
  return [...next, ...(arg.options ?? (await dynamic(arg.name, before)))];
}

function longestCommand(plain: readonly string[], table: CommandTable): CommandEntry | undefined {
  for (let n = Math.min(3, plain.length); n > 0; n--) {
    const entry = table.commands[plain.slice(0, n).join(":")];
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function nextWords(plain: readonly string[], table: CommandTable): string[] {
  const lead = plain.length === 0 ? "" : `${plain.join(" ")} `;
  return commandWords(table).flatMap((command) => {
    const [next] = command.startsWith(lead) ? command.slice(lead.length).split(" ") : [];
    return next === undefined || next === "" ? [] : [next];
  });
}

function flagNamed(entry: CommandEntry, word: string): CommandEntry["flags"][string] | undefined {
  if (word.startsWith("--")) return entry.flags[word.slice(2)];
  return Object.values(entry.flags).find(({ char }) => char !== undefined && word === `-${char}`);
}

function flagsOf(entry: CommandEntry): string[] {
  return Object.values(entry.flags)
    .filter(({ hidden }) => hidden !== true)
    .flatMap(({ name, allowNo }) => (allowNo === true ? [`--${name}`, `--no-${name}`] : [`--${name}`]));
}

/** Names that stand in files, inside a project or not. */
const hereLookups: { readonly [name: string]: (folder: string) => readonly string[] } = {
  context(folder) {
    return listContexts(contextPlaces({ folder, environment: process.env })).map(({ name }) => name);
  },
};

/** Names that stand in the project's own files. */
const ownLookups: { readonly [name: string]: (project: string) => Promise<string[]> } = {
  secret: async (project) => (await import("../local/secrets.ts")).secretNamesHere(project),
  target: async (project) => {
    const { targetsOf } = await import("../config/project-contexts.ts");
    return targetsOf(project).flatMap(({ name, kind }) => (kind === "docker" ? [name] : []));
  },
};

const lookups: { readonly [name: string]: (client: Client) => Promise<string[]> } = {
  run: async (client) => ["@last", ...(await client.runs.list({ limit: 50 })).runs.map(({ run }) => run)],
  workflow: async (client) => (await client.workflows.list()).items.map(({ name }) => name),
  approval: async (client) => {
    const { approvals } = await client.approvals.list({ status: "open", limit: 50 });
    return approvals.map(({ approval }) => approval);
  },
  tool: async (client) => (await client.tools.list()).items.map(({ name }) => name),
  agent: async (client) => (await client.agents.list()).items.map(({ name }) => name),
  worker: async (client) => (await client.workers.list()).items.map(({ worker }) => worker),
};

/** What follows one of these flags on the command line. */
function valueOf(words: readonly string[], ...flags: readonly string[]): string | undefined {
  const at = words.findIndex((word) => flags.includes(word));
  return at === -1 ? undefined : words[at + 1];
}

async function dynamic(name: string, before: readonly string[]): Promise<string[]> {
  const own = Object.hasOwn(ownLookups, name) ? ownLookups[name] : undefined;
  const lookup = Object.hasOwn(lookups, name) ? lookups[name] : undefined;
  const folder = resolve(valueOf(before, "-C", "--dir") ?? ".");
  try {
    if (Object.hasOwn(hereLookups, name)) return [...(hereLookups[name]?.(folder) ?? [])];
    if (own !== undefined) return await own(needProject(folder));
    if (lookup === undefined) return [];
    const { urls, token } = findInstallation({
      folder,
      url: valueOf(before, "--url"),
      context: valueOf(before, "--context"),
      environment: process.env,
    });
    const { createClient } = await import("@agentflow/sdk/client");
    const client = createClient({ url: urls, retryForMs: 0, ...(token === undefined ? {} : { token }) });
    try {
      return await lookup(client);
    } finally {
      client.close();
    }
  } catch {
    // Nobody wants an error message between two keystrokes.
    return [];
  }
}
