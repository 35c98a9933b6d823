/** `sandbox` of agentflow.yaml: what the operator says of untrusted tools. */
import type { SandboxPolicy } from "@agentflow/protocol";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { parseSandboxPolicy } from "./parse-agent.ts";

/** Throws a `LoadError` with its line for a policy that cannot be read. Costs nothing where there is none. */
export async function sandboxPolicyOf(projectDir: string): Promise<SandboxPolicy | undefined> {
  const file = path.join(projectDir, "agentflow.yaml");
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  // A key may be written in quotes, or stand in braces: what only might be one is read in full.
  if (!readFileSync(file, "utf8").includes("sandbox")) return undefined;
  const { readYamlFile } = await import("./yaml-file.ts");
  const yaml = await readYamlFile(projectDir, "agentflow.yaml");
  const { value } = yaml;
  if (typeof value !== "object" || value === null || !("sandbox" in value)) return undefined;
  return parseSandboxPolicy(value["sandbox"], ({ path: at, message }) =>
    yaml.faultAt(["sandbox", ...at], message),
  );
}
