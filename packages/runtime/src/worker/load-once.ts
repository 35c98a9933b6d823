/** Loads a project's code in a process of its own and ends it: what `af validate` asks. */
import { openSecrets } from "@agentflow/host/secrets";
import type { LoadProblem, Manifest } from "@agentflow/protocol";
import { runnerEntry, runnerEnvironment } from "../entries.ts";
import { startRunnerProcess } from "./runner-process.ts";

export async function loadOnce(
  projectDir: string,
  environment: { readonly [name: string]: string | undefined },
): Promise<{ readonly manifest: Manifest } | { readonly problem: LoadProblem }> {
  const secrets = openSecrets({ projectDir, environment });
  const env = runnerEnvironment(environment, (name, value) => secrets.isSecretVariable(name, value));
  const runner = startRunnerProcess(
    { entry: runnerEntry, projectDir, memoryMb: 512, env },
    { tele: () => {}, inspecting: () => {} },
  );
  const loaded = await runner.loaded;
  runner.kill("loaded");
  await runner.exited;
  return loaded;
}
