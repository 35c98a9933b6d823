/** What a sandbox sees of a project on this machine: its code and packages, and nothing that hides. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import path from "node:path";

/**
 * The folders and files at the top of the project but those that begin with a dot: secrets, state and the
 * history of its repository stay outside. So does a link that leads out of the project. Beside them the
 * packages of the folders above, where a workspace keeps them.
 */
export function projectBinds(projectDir: string): string[] {
  const own = readdirSync(projectDir)
    .filter((name) => !name.startsWith("."))
    .map((name) => path.join(projectDir, name))
    .filter((file) => path.basename(file) === "node_modules" || isWithin(file, projectDir));
  return [...own.sort(), ...packagesAbove(projectDir)];
}

function isWithin(file: string, projectDir: string): boolean {
  try {
    return realpathSync(file).startsWith(realpathSync(projectDir) + path.sep);
  } catch {
    return false;
  }
}

function packagesAbove(projectDir: string): string[] {
  const found: string[] = [];
  for (let dir = path.dirname(projectDir); dir !== path.dirname(dir); dir = path.dirname(dir)) {
    const packages = path.join(dir, "node_modules");
    if (existsSync(packages)) found.push(packages);
  }
  return found;
}
