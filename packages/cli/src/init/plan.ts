/** What `af init` would make, worked out before anything is written. */
import { AgentFlowError, grammar, isId } from "@agentflow/protocol";
import { existsSync, readdirSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { type Template, findTemplate } from "./templates.ts";

export interface InitPlan {
  readonly dir: string;
  /** As the person would type it. */
  readonly shownDir: string;
  readonly name: string;
  readonly template: string;
  readonly source: Template;
  /** The new project's files. */
  readonly files: readonly string[];
  readonly next: readonly string[];
}

export interface InitWish {
  readonly folder: string;
  readonly dir: string | undefined;
  readonly template: string;
  readonly name: string | undefined;
}

/** Refuses a name that is none, and a folder with things in it. */
export function planInit(wish: InitWish): InitPlan {
  const source = findTemplate(wish.template);
  const dir = resolve(wish.folder, wish.dir ?? ".");
  const name = wish.name ?? nameFrom(basename(dir)) ?? source.name;
  if (!isId("project", name)) {
    throw new AgentFlowError("invalid_input", `${JSON.stringify(name)} is not a valid name of a project`, {
      reason: "invalid_name",
      details: { grammar: grammar.project.source },
      suggestions: [`--name ${nameFrom(name) ?? "my-project"}`],
    });
  }
  const shown = relative(wish.folder, dir);
  refuseOccupied(dir, shown);
  return {
    dir,
    shownDir: shown === "" ? "." : shown,
    name,
    template: source.name,
    source,
    files: source.files.map(targetName),
    next: source.next,
  };
}

/** What the template's file is called in the project. */
export function targetName(file: string): string {
  return file.replace(/(^|\/)_gitignore$/, "$1.gitignore").replace(/\.hbs$/, "");
}

const harmless = new Set([".git", ".DS_Store"]);

function refuseOccupied(dir: string, shown: string): void {
  if (!existsSync(dir)) return;
  const there = entriesOf(dir).filter((name) => !harmless.has(name));
  if (there.length === 0) return;
  const first = there.slice(0, 5).join(", ");
  const more = there.length > 5 ? ` and ${there.length - 5} more` : "";
  throw new AgentFlowError("already_exists", `the folder is not empty: ${first}${more}`, {
    reason: "folder_not_empty",
    details: { where: dir, conflicts: there.slice(0, 100) },
    suggestions: [`af init ${join(shown, "my-project")}`, "choose another folder; nothing was changed"],
  });
}

function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    throw new AgentFlowError("already_exists", "there is a file of that name", {
      details: { where: dir },
      cause,
    });
  }
}

function nameFrom(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return isId("project", name) ? name : undefined;
}
