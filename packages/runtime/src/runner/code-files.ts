/** The files of one of the project's folders that stand for something: one name, one file. */
import path from "node:path";
import { listing } from "./listing.ts";

export interface CodeFile {
  readonly stem: string;
  readonly relative: string;
  readonly absolute: string;
}

const stem = "([a-z0-9][a-z0-9_-]{0,62})";
const code = new RegExp(`^${stem}\\.(ts|mts|js|mjs)$`);
const yaml = new RegExp(`^${stem}\\.ya?ml$`);

export function codeFiles(projectDir: string, folder: string): CodeFile[] {
  return matching(code, projectDir, folder);
}

export function yamlFiles(projectDir: string, folder: string): CodeFile[] {
  return matching(yaml, projectDir, folder);
}

function matching(pattern: RegExp, projectDir: string, folder: string): CodeFile[] {
  return listing(path.join(projectDir, folder))
    .map((name) => pattern.exec(name))
    .filter((match) => match !== null)
    .map(([name, found = ""]) => ({
      stem: found,
      relative: `${folder}/${name}`,
      absolute: path.join(projectDir, folder, name),
    }));
}
