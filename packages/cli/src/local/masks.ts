/** The secrets that this machine knows, hidden in text that nobody has looked through. */
import { findProject } from "../config/context-places.ts";

/** Those of the project that the folder lies in. */
export async function openMasks(folder: string): Promise<(text: string) => string> {
  const { openSecrets } = await import("@agentflow/host/secrets");
  const projectDir = findProject(folder) ?? folder;
  const { hidden } = openSecrets({ projectDir, environment: process.env });
  return (text) => hidden.redact(text);
}
