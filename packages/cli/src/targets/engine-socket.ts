/** What the broker of sandboxes is given: the engine's own socket, as the engine's machine has it. */
import type { OpenedTarget } from "@agentflow/cluster";
import os from "node:os";

/** Undefined for a project that asks for no sandboxes: then nobody is given it. */
export async function engineSocketOf(target: OpenedTarget): Promise<{ readonly engine?: string }> {
  if (target.project.sandbox === undefined || target.settings.kind === "kubernetes") return {};
  const [{ onDocker }, { engineSocket, findEngine }] = await Promise.all([
    import("@agentflow/cluster"),
    import("@agentflow/cluster/find-engine"),
  ]);
  const { host, dockerContext: context } = onDocker(target);
  const address = await findEngine({
    ...(host === undefined ? {} : { host }),
    ...(context === undefined ? {} : { context }),
    target: target.name,
    environment: process.env,
    home: os.homedir(),
  });
  return { engine: engineSocket(address, process.platform) };
}
