/** What a running `af dev` leaves in its project for other commands. */
import { join } from "node:path";
import { type DevFile, parseDevFile } from "./parse-dev-file.ts";
import { type SettingsFile, parseSettingsFile } from "./parse-settings-file.ts";
import { readText } from "./private-file.ts";

/** What `af dev` wrote about itself; undefined when it is not there or unreadable. */
export function readDevFile(project: string): DevFile | undefined {
  const text = readText(join(project, ".agentflow/dev.json"));
  return text === undefined ? undefined : parseDevFile(text);
}

/** The settings that a running `af dev` wrote; undefined when they are not there or unreadable. */
export function readSettingsFile(project: string): SettingsFile | undefined {
  const text = readText(join(project, ".agentflow/settings.json"));
  return text === undefined ? undefined : parseSettingsFile(text);
}

export function readToken(project: string): string | undefined {
  const text = readText(join(project, ".agentflow/token"))?.trim();
  return text === "" ? undefined : text;
}

/** Whether a process with this id exists. One of another user exists as well. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
