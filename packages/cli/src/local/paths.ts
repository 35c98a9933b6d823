/** The files of an installation in a project: where they lie, and how the small ones are written. */
import type { Origin } from "@agentflow/host/config";
import { AgentFlowError } from "@agentflow/protocol";
import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";

export interface LocalPaths {
  readonly root: string;
  readonly state: string;
  /** Data of a nats-server that runs for this project alone. */
  readonly nats: string;
  readonly token: string;
  readonly dev: string;
  /** The settings in force, for `af config view`. */
  readonly settings: string;
}

export function localPaths(projectDir: string): LocalPaths {
  const root = path.join(projectDir, ".agentflow");
  return {
    root,
    state: path.join(root, "state"),
    nats: path.join(root, "nats"),
    token: path.join(root, "token"),
    dev: path.join(root, "dev.json"),
    settings: path.join(root, "settings.json"),
  };
}

/** What `af dev` leaves for other commands while it runs. */
export interface DevFile {
  readonly pid: number;
  readonly url: string;
  readonly startedAt: string;
  readonly version: string;
}

/** Makes `.agentflow/` with a .gitignore of its own, so that no project ever commits its state. */
export function prepareFolder(paths: LocalPaths, options: { readonly fresh: boolean }): void {
  try {
    mkdirSync(paths.root, { recursive: true, mode: 0o700 });
    // It may have come with a copy of the project, open to all.
    chmodSync(paths.root, 0o700);
    writeFileSync(path.join(paths.root, ".gitignore"), "*\n");
    if (options.fresh) {
      for (const folder of [paths.state, paths.nats]) rmSync(folder, { recursive: true, force: true });
    }
    mkdirSync(paths.state, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AgentFlowError("unavailable", `the state folder cannot be written: ${why}`, {
      reason: "state_not_writable",
      suggestions: ["free some space or correct the folder's rights", "af doctor"],
      cause,
    });
  }
}

/**
 * The token of this machine's user: made once, readable by its owner alone. One that others could read, or
 * that came with a copy of the project, is no secret: another takes its place.
 */
export function localToken(file: string): string {
  const known = isPrivate(file) ? readText(file)?.trim() : undefined;
  if (known !== undefined && /^[0-9a-f]{64}$/.test(known)) return known;
  const token = randomBytes(32).toString("hex");
  writePrivate(file, `${token}\n`);
  return token;
}

export function writeDevFile(paths: LocalPaths, file: DevFile): void {
  writePrivate(paths.dev, `${JSON.stringify(file)}\n`);
}

/** Where each setting in force comes from, and whose process it is that runs with them. */
export function writeSettingsFile(paths: LocalPaths, origins: readonly Origin[]): void {
  writePrivate(paths.settings, `${JSON.stringify({ v: 1, pid: process.pid, origins })}\n`);
}

/** Removes both files if they are still ours: a newer `af dev` may have written its own. */
export function removeDevFile(paths: LocalPaths): void {
  for (const file of [paths.dev, paths.settings]) {
    if (readText(file)?.includes(`"pid":${process.pid},`)) rmSync(file, { force: true });
  }
}

/** Whole or not at all: a reader never sees half a file. */
function writePrivate(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}

/** A file of this user's own that nobody else may open; not a link to one. */
function isPrivate(file: string): boolean {
  const found = lstatSync(file, { throwIfNoEntry: false });
  return found?.isFile() === true && found.uid === userInfo().uid && (found.mode & 0o077) === 0;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
