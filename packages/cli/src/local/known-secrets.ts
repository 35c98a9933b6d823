/** What this machine knows of a project's secrets, so that none leaves in a file that is given away. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface KnownSecrets {
  /** How many values are hidden. */
  readonly known: number;
  redact(text: string): string;
  isSecretKey(key: string): boolean;
  /** Files of secrets that could not be read: what stands in them is not hidden. */
  readonly faults: readonly string[];
}

type Environment = { readonly [name: string]: string | undefined };

/**
 * The secrets of the project or, without one, of the environment; the installation's own token, and `tokens`
 * that open it.
 */
export async function knownSecrets(
  folder: string,
  environment: Environment,
  tokens: readonly string[] = [],
): Promise<KnownSecrets> {
  const [{ openSecrets }, { isSecretKey }] = await Promise.all([
    import("@agentflow/host/secrets"),
    import("@agentflow/host/log"),
  ]);
  const store = openSecrets({ projectDir: folder, environment });
  for (const token of [readToken(folder), ...tokens]) if (token !== "") store.hidden.register(token);
  return {
    known: store.values().length,
    redact: (text) => store.hidden.redact(text),
    isSecretKey,
    faults: store.faults(),
  };
}

function readToken(folder: string): string {
  try {
    return readFileSync(join(folder, ".agentflow", "token"), "utf8").trim();
  } catch {
    return "";
  }
}
