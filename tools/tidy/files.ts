import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// Made by tools, or kept for others to read: no code of ours.
const skipped = new Set(["node_modules", "dist", ".git", ".turbo", ".agentflow", "coverage", "histories"]);
const codeName = /\.[cm]?[jt]sx?$/;

/** Every code file and package.json below the root, relative to it, with forward slashes, in order. */
export function listFiles(root: string): { code: string[]; manifests: string[] } {
  const code: string[] = [];
  const manifests: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !skipped.has(entry.name)) visit(path);
      if (entry.isFile() && codeName.test(entry.name)) code.push(path);
      if (entry.isFile() && entry.name === "package.json") manifests.push(path);
    }
  };
  visit("");
  return { code: code.toSorted(), manifests: manifests.toSorted() };
}

export function readText(root: string, path: string): string {
  return readFileSync(join(root, path), "utf8");
}
