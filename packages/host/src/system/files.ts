import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { AgentFlowError } from "@agentflow/protocol";
import type { Environment } from "../config/text-layers.ts";
import type { ReadText } from "../config/file-layers.ts";

/** The text of a file; undefined when there is none; `unavailable` when it cannot be read. */
export const readText: ReadText = async (path) => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new AgentFlowError("unavailable", `${path} cannot be read (${String(code)})`, {
      reason: "file_unreadable",
      cause: error,
    });
  }
};

/** The process's own environment. */
export function systemEnvironment(): Environment {
  return process.env;
}

/** Where a user's own configuration is: `$XDG_CONFIG_HOME/agentflow/config.yaml`. */
export function userConfigPath(environment: Environment): string {
  const base = environment.XDG_CONFIG_HOME;
  // The standard says that a relative path there is to be ignored.
  const folder = base?.startsWith("/") ? base : join(environment.HOME ?? homedir(), ".config");
  return join(folder, "agentflow", "config.yaml");
}
