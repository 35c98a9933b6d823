/** Secrets as a supervisor sees them: looked up for the task that names them, hidden everywhere else. */
import type { SecretName } from "@agentflow/protocol";

/** Where values come from; the store of a project's secrets is one. */
export interface SecretSource {
  /** Undefined when there is none of that name. */
  get(name: SecretName): string | undefined;
  /** What `env://NAME` stands for. */
  variable(name: string): string | undefined;
}

/** For a worker that has none: tests and the simulation. */
export const noSecrets: SecretSource = { get: () => undefined, variable: () => undefined };
