/** Loads a project's code once, in a process of its own: what `af validate` asks. */
import type { LoadProblem, Manifest } from "@agentflow/protocol";

export async function loadCode(
  projectDir: string,
): Promise<{ readonly manifest: Manifest } | { readonly problem: LoadProblem }> {
  const { loadOnce } = await import("@agentflow/runtime");
  return loadOnce(projectDir, process.env);
}
