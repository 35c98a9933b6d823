/** What `env://NAME` of agentflow.yaml stands for on this machine, when a target is opened. */
export interface TargetVariables {
  readonly values: { readonly [name: string]: string | undefined };
  /** Whether what a variable holds is to be shown to nobody. */
  isSecret(name: string, value: string): boolean;
}

type Environment = { readonly [name: string]: string | undefined };

/** Variables that are settings of a target though the file names them nowhere. */
const always = ["AF_BASE_IMAGE"];

/** Of those that the text names: the process first, then the project's `.env`. */
export async function targetVariables(
  projectDir: string,
  { text, environment }: { readonly text: string; readonly environment: Environment },
): Promise<TargetVariables> {
  const { looksSecret, openSecrets } = await import("@agentflow/host/secrets");
  const store = openSecrets({ projectDir, environment });
  const named = [...text.matchAll(/env:\/\/([A-Za-z_][A-Za-z0-9_]{0,126})/g)].map(([, name = ""]) => name);
  const values = Object.fromEntries([...named, ...always].map((name) => [name, store.variable(name)]));
  return {
    values,
    isSecret: (name, value) => looksSecret(name, value) || store.isSecretVariable(name, value),
  };
}
