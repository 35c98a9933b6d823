/** The Dockerfiles and what stands beside them, as they came with this installation. */
import { AgentFlowError } from "@agentflow/protocol";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Recipe =
  | "control-plane.Dockerfile"
  | "worker.Dockerfile"
  | "project.Dockerfile"
  | "assemble.js"
  | "folders.js"
  | "install.js"
  | "npm.js"
  | "health.js";

export function recipe(name: Recipe): string {
  return readFileSync(join(recipesFolder(), name), "utf8");
}

/** Beside this package's code when it was packed, at the root of the repository in a checkout. */
function recipesFolder(): string {
  const candidates = ["../../docker", "../../../../deploy/docker"];
  const folders = candidates.map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = folders.find((folder) => existsSync(join(folder, "worker.Dockerfile")));
  if (found !== undefined) return found;
  throw new AgentFlowError("internal", "the Dockerfiles of this installation are missing", {
    reason: "installation_incomplete",
    details: { where: folders[0] },
  });
}

/** The classic builder knows no mounts: what they give is left out there. */
export function withoutMounts(dockerfile: string): string {
  return dockerfile.replaceAll(/(?<=^RUN )(--mount=\S+\s+)+/gm, "");
}
