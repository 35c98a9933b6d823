/** Where the installation is: told by flag or environment, else the one that runs in this project. */
import { AgentFlowError } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type SettingsFile, parseSettingsFile } from "./parse-settings-file.ts";
import { type DevFile, parseDevFile } from "./parse-dev-file.ts";

export interface Installation {
  readonly url: string;
  readonly token?: string;
  /** What told us: `flag`, `environment` or the project's folder. */
  readonly from: string;
}

export interface Looking {
  readonly folder: string;
  readonly url: string | undefined;
  readonly environment: { readonly [name: string]: string | undefined };
}

/** Refuses with `unavailable` when nothing was told and nothing runs here. Only reads two files. */
export function findInstallation(looking: Looking): Installation {
  const { folder, environment } = looking;
  const told = looking.url ?? given(environment["AF_URL"]);
  const project = findProject(folder);
  if (told !== undefined) {
    // A project's own token goes nowhere but to the project's own installation.
    const own = project !== undefined && readDevFile(project)?.url === told ? readToken(project) : undefined;
    const token = given(environment["AF_TOKEN"]) ?? own;
    const from = looking.url === undefined ? "environment" : "flag";
    return { url: told, from, ...(token === undefined ? {} : { token }) };
  }
  if (project === undefined) throw noProject(folder);
  const running = readDevFile(project);
  if (running === undefined || !isAlive(running.pid)) throw notRunning(project, running);
  const token = given(environment["AF_TOKEN"]) ?? readToken(project);
  return { url: running.url, from: project, ...(token === undefined ? {} : { token }) };
}

/** The folder with the next agentflow.yaml, from here upwards. */
export function findProject(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (readText(join(at, "agentflow.yaml")) !== undefined) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** As `findProject`, but refuses when there is none. */
export function needProject(folder: string): string {
  const project = findProject(folder);
  if (project !== undefined) return project;
  throw new AgentFlowError("invalid_project", "this is not an AgentFlow project", {
    reason: "no_project",
    details: { where: `${folder} (no agentflow.yaml here or above)` },
    suggestions: ["af init my-project", "cd into a project, or use -C DIR"],
  });
}

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
  return given(readText(join(project, ".agentflow/token"))?.trim());
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

function noProject(folder: string): AgentFlowError {
  return new AgentFlowError(
    "unavailable",
    "this is not an AgentFlow project, and AF_URL names no installation",
    {
      reason: "no_installation",
      details: { where: `${folder} (no agentflow.yaml here or above)` },
      suggestions: ["af init my-project", "cd into a project, or use -C DIR", "export AF_URL=https://…"],
    },
  );
}

function notRunning(project: string, left: DevFile | undefined): AgentFlowError {
  const why =
    left === undefined
      ? "no .agentflow/dev.json"
      : `.agentflow/dev.json names process ${left.pid}, which is gone`;
  return new AgentFlowError("unavailable", "af dev is not running here", {
    reason: "not_running",
    details: { where: `${project} (${why})` },
    suggestions: ["af dev"],
  });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
