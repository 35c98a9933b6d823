/** The templates that came with this command line. */
import { AgentFlowError, nearest } from "@agentflow/protocol";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type TemplateFile, parseTemplateFile } from "./parse-template.ts";

export interface Template extends TemplateFile {
  readonly dir: string;
  /** Its files relative to `dir`, with forward slashes. */
  readonly files: readonly string[];
}

export function listTemplates(): Template[] {
  const root = templatesDir();
  return readdirSync(root)
    .sort()
    .filter((name) => existsSync(join(root, name, "template.json")))
    .map((name) => readTemplate(join(root, name)));
}

export function findTemplate(name: string): Template {
  const templates = listTemplates();
  const found = templates.find((template) => template.name === name);
  if (found !== undefined) return found;
  const names = templates.map((template) => template.name);
  const near = nearest(name, names);
  throw new AgentFlowError("not_found", `there is no template ${JSON.stringify(name)}`, {
    reason: "no_such_template",
    suggestions: [...(near === undefined ? [] : [`did you mean: ${near}`]), `there are: ${names.join(", ")}`],
  });
}

/** Beside this package's code when it was packed, at the root of the repository in a checkout. */
function templatesDir(): string {
  const candidates = ["../../templates", "../../../../templates"];
  const dirs = candidates.map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = dirs.find((dir) => existsSync(dir));
  if (found !== undefined) return found;
  throw new AgentFlowError("internal", "the templates of this installation are missing", {
    reason: "templates_missing",
    details: { where: dirs[0] },
  });
}

function readTemplate(dir: string): Template {
  const where = join(dir, "template.json");
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
    .filter((file) => file !== "template.json" && !/(^|\/)(node_modules|\.agentflow)\//.test(file))
    .sort();
  return { ...parseTemplateFile(readFileSync(where, "utf8"), where), dir, files };
}
