/** What tells that something is a secret: where it is used, and how it is called. */
import { isId, type SecretName } from "@agentflow/protocol";

export interface NamedSecrets {
  /** `secret://name`. */
  readonly secrets: readonly SecretName[];
  /** Variables that hold a key: `apiKey: env://NAME`. */
  readonly variables: readonly string[];
}

const secretReference = /secret:\/\/([a-z0-9][a-z0-9_-]{0,62})/g;
const keyInVariable = /\bapi_?key["']?\s*:\s*["']?env:\/\/([A-Za-z_][A-Za-z0-9_]{0,126})/gi;

/** By the text alone, without reading it as YAML: one too many costs nothing. */
export function namedIn(agentflowYaml: string): NamedSecrets {
  const secrets = [...agentflowYaml.matchAll(secretReference)].flatMap(([, name]) =>
    isId("secret", name) ? [name] : [],
  );
  const variables = [...agentflowYaml.matchAll(keyInVariable)].map(([, name = ""]) => name);
  return { secrets: [...new Set(secrets)], variables: [...new Set(variables)] };
}

const secretVariableName =
  /(^|_)(secret|token|password|passwd|passphrase|pass|credentials?|dsn|jwt|key|apikey)s?$/i;
const guessedLengthMin = 8;

/** Whether a variable that nobody named as a secret looks like one. A path, or a short word, does not. */
export function looksSecret(variable: string, value: string): boolean {
  return secretVariableName.test(variable) && value.length >= guessedLengthMin && !/^[/~.]/.test(value);
}

const passwordInUrl = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:([^@/\s]+)@/i;

/** The password inside `postgres://user:password@host`, as it stands there and decoded. */
export function passwordsIn(value: string): string[] {
  const password = passwordInUrl.exec(value)?.[1];
  if (password === undefined) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

/** The secret whose variable this is: `MODEL_KEY` is `model-key`. Undefined: no secret can be named so. */
export function nameOfVariable(variable: string): SecretName | undefined {
  const name = variable.toLowerCase().replaceAll("_", "-");
  return isId("secret", name) ? name : undefined;
}

/** What every process has: a secret that happens to share its name is not looked for there. */
export const ordinaryVariables: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "HOSTNAME",
  "LANG",
  "TERM",
  "PWD",
  "OLDPWD",
  "TMPDIR",
  "TZ",
  "EDITOR",
  "PAGER",
  "NODE_ENV",
  "NODE_OPTIONS",
  "CI",
]);
