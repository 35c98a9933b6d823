/** Secrets of the project, for the containers that its code runs in. */
import type { OpenedTarget } from "@agentflow/cluster";
import { secretUses } from "../secrets/uses.ts";

export interface ProjectSecrets {
  /** What agentflow.yaml and the code ask for, sorted. */
  readonly names: readonly string[];
  /** Those that are set here. */
  readonly values: ReadonlyMap<string, string>;
  readonly missing: readonly string[];
  /** Why the code could not be asked. */
  readonly problem?: string;
}

export async function projectSecrets(dir: string, target: OpenedTarget): Promise<ProjectSecrets> {
  const { uses, problem } = await secretUses(dir);
  const asked = uses.flatMap(({ kind, name }) => (kind === "secret" ? [name] : []));
  const names = [...new Set([...target.secrets, ...asked])].sort();
  const { secretValuesHere } = await import("../local/secrets.ts");
  const values = await secretValuesHere(dir, names);
  const missing = names.filter((name) => !values.has(name));
  return { names, values, missing, ...(problem === undefined ? {} : { problem }) };
}
