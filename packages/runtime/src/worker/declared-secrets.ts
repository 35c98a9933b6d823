/** What code says is secret: the secrets that its tools declare, and the keys of its models. */
import type { NamedSecrets } from "@agentflow/host/secrets";
import { isId, type Manifest, parseReference, type SecretName } from "@agentflow/protocol";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

export function declaredSecrets({ tools, agents, models = {} }: Manifest): NamedSecrets {
  const named = [...tools, ...agents].flatMap(({ secrets = [] }) => secrets);
  const secrets = named.filter((name): name is SecretName => isId("secret", name));
  const variables: string[] = [];
  for (const { apiKey } of Object.values(models)) {
    const reference = apiKey === undefined ? undefined : referenceIn(apiKey);
    if (reference?.kind === "secret") secrets.push(reference.name);
    if (reference?.kind === "env") variables.push(reference.name);
  }
  return { secrets, variables };
}

const list = /\bsecrets\s*:\s*\[([^\]]*)\]/g;
const quoted = /["'`]([^"'`]*)["'`]/g;

/**
 * The names that stand in `secrets: [...]` of the project's tools, by their text: known before the code is
 * loaded, so that it does not even start with such a variable. What is put together there shows only later.
 */
export function writtenSecrets(projectDir: string): SecretName[] {
  const folder = path.join(projectDir, "tools");
  return namesIn(folder).flatMap((file) => {
    const lists = [...textOf(path.join(folder, file)).matchAll(list)].map(([, inside = ""]) => inside);
    const names = lists.flatMap((inside) => [...inside.matchAll(quoted)].map(([, name]) => name));
    return names.filter((name): name is SecretName => isId("secret", name));
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /\.[mc]?[jt]s$/.test(name));
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** One that is malformed is a fault of its call, and no secret. */
function referenceIn(text: string): ReturnType<typeof parseReference> {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
