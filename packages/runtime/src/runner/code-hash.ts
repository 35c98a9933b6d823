/** Which code a project has: a short name for the state of its files. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { listing } from "./listing.ts";

/** Folders whose files make up a project's code. */
export const hashedFolders = ["tools", "agents", "workflows", "lib", "src", "prompts"];

/** 12 hex digits over the names and contents of the project's code files, and its models. */
export function codeHash(projectDir: string): string {
  const hash = createHash("sha256");
  hash.update(modelsText(projectDir));
  for (const folder of hashedFolders) hashFolder(hash, path.join(projectDir, folder), folder);
  return hash.digest("hex").slice(0, 12);
}

/** What is under `models:` and `sandbox:` of agentflow.yaml: another model is other code, a budget is not. */
function modelsText(projectDir: string): string {
  const file = path.join(projectDir, "agentflow.yaml");
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > configBytesMax) return "";
  const text = readFileSync(file, "utf8");
  return sections.map((section) => section.exec(text)?.[0] ?? "").join("");
}

const sections = [/^models:.*(?:\r?\n(?:[ \t}#].*|))*/m, /^sandbox:.*(?:\r?\n(?:[ \t}#].*|))*/m];
const configBytesMax = 256 * 1024;

function hashFolder(hash: ReturnType<typeof createHash>, absolute: string, relative: string): void {
  for (const name of listing(absolute)) {
    if (name === "node_modules" || name.startsWith(".")) continue;
    const inside = path.join(absolute, name);
    const stat = statSync(inside, { throwIfNoEntry: false });
    if (stat?.isDirectory()) hashFolder(hash, inside, `${relative}/${name}`);
    else if (stat?.isFile()) hash.update(`${relative}/${name}\0`).update(readFileSync(inside)).update("\0");
  }
}
