/** What a project asks for: read from its file and, as far as it loads, from its code. */
import { readProject } from "../project/index.ts";
import type { SecretUse } from "../local/secrets.ts";

export interface Uses {
  readonly uses: readonly SecretUse[];
  /** Why the code said nothing. */
  readonly problem?: string;
}

export async function secretUses(dir: string): Promise<Uses> {
  const [{ loadCode }, { usesOf }] = await Promise.all([
    import("../local/load-code.ts"),
    import("../local/secrets.ts"),
  ]);
  const [project, loaded] = await Promise.all([readProject(dir), loadCode(dir)]);
  const models = modelsOf(project.files.get("agentflow.yaml")?.value);
  if ("problem" in loaded) return { uses: usesOf(models, undefined), problem: loaded.problem.message };
  return { uses: usesOf(models, loaded.manifest) };
}

export function modelsOf(root: unknown): unknown {
  return typeof root === "object" && root !== null && "models" in root ? root.models : undefined;
}
