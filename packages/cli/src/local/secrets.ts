/** What `af secrets` does: a project's secrets, where they lie, what asks for them. Never a value out. */
import type { SecretPlace } from "@agentflow/host/secrets";
import {
  AgentFlowError,
  instant,
  isId,
  type Manifest,
  parseReference,
  type SecretName,
  secretVariable,
} from "@agentflow/protocol";
import { setTimeout as pause } from "node:timers/promises";

export interface SecretView {
  readonly name: SecretName;
  /** Null: nobody has set it. */
  readonly from: SecretPlace | null;
  readonly setAt?: string;
  /** `model:default`, `tool:mail.send`. */
  readonly usedBy: readonly string[];
}

export interface SecretList {
  readonly secrets: readonly SecretView[];
  /** What is wrong with the files that hold them. */
  readonly faults: readonly string[];
}

/** Which secrets a model or a tool asks for, and which variables hold a key. */
export interface SecretUse {
  readonly usedBy: string;
  readonly kind: "secret" | "variable";
  readonly name: string;
}

/** A place in `.agentflow/secrets.json`; `hides` is where the value came from before, if elsewhere. */
export interface SetSecret {
  readonly file: string;
  readonly setAt: string;
  readonly replaced: boolean;
}

export async function setSecretHere(
  dir: string,
  { name, value }: { readonly name: SecretName; readonly value: string },
): Promise<SetSecret> {
  const { readSecretFile, secretFileOf, setSecret } = await import("@agentflow/host/secrets");
  const file = secretFileOf(dir);
  const replaced = readSecretFile(file).has(name);
  const setAt = instant(Date.now());
  await setSecret(file, { name, value, setAt }, { pause });
  return { file, setAt, replaced };
}

/** Throws `not_found`, with the place where it does stand, when the file does not hold it. */
export async function removeSecretHere(dir: string, name: SecretName): Promise<{ readonly file: string }> {
  const { removeSecret, secretFileOf } = await import("@agentflow/host/secrets");
  const file = secretFileOf(dir);
  if (!(await isStored(dir, name))) throw await notStored(dir, name);
  await removeSecret(file, name, { pause });
  return { file };
}

/** Where it is found now: after a change, what another place says may show. */
export async function placeHere(dir: string, name: SecretName): Promise<SecretPlace | undefined> {
  const store = await open(dir);
  store.learn({ secrets: [name] });
  return store.list().find((one) => one.name === name)?.from;
}

export async function listSecretsHere(dir: string, uses: readonly SecretUse[]): Promise<SecretList> {
  const store = await open(dir);
  const asked = uses.filter(({ kind }) => kind === "secret");
  const names = asked.map(({ name }) => name).filter((name): name is SecretName => isId("secret", name));
  store.learn({ secrets: names });
  const known = new Map(store.list().map((one) => [one.name, one]));
  const all = [...new Set([...known.keys(), ...names])].sort();
  const secrets = all.map((name): SecretView => {
    const { from = null, setAt } = known.get(name) ?? {};
    const usedBy = asked.filter((use) => use.name === name).map((use) => use.usedBy);
    return { name, from, ...(setAt === undefined ? {} : { setAt }), usedBy: [...new Set(usedBy)] };
  });
  return { secrets, faults: store.faults() };
}

/** Values of those that are set: for containers of this project, and for nothing that is shown. */
export async function secretValuesHere(
  dir: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const store = await open(dir);
  const values = new Map<string, string>();
  for (const name of names) {
    const value = isId("secret", name) ? store.get(name) : undefined;
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

/** Names alone, for completion. */
export async function secretNamesHere(dir: string): Promise<string[]> {
  return (await open(dir)).list().map(({ name }) => name);
}

/** What agentflow.yaml and the loaded code ask for. `models` is that part of the file, whatever it holds. */
export function usesOf(models: unknown, manifest: Manifest | undefined): SecretUse[] {
  const callables = [
    ...(manifest?.tools ?? []).map((one) => ({ ...one, kind: "tool" })),
    ...(manifest?.agents ?? []).map((one) => ({ ...one, kind: "agent" })),
  ];
  return [
    ...entriesOf(models).flatMap(([alias, model]) => modelUses(`model:${alias}`, model)),
    ...callables.flatMap(({ kind, name, secrets = [] }) =>
      secrets.map((secret): SecretUse => ({ usedBy: `${kind}:${name}`, kind: "secret", name: secret })),
    ),
  ];
}

export interface MissingUse extends SecretUse {
  /** Which key of the model, for its place in the file. */
  readonly next: string;
}

/** Those that would fail when they are asked: not set, without a default, and needed. */
export async function missingHere(dir: string, uses: readonly SecretUse[]): Promise<MissingUse[]> {
  const store = await open(dir);
  const missing: MissingUse[] = [];
  for (const use of uses) {
    if (use.kind === "variable" && store.variable(use.name) === undefined) {
      missing.push({ ...use, next: `set ${use.name} in .env or in the environment` });
    }
    if (use.kind === "secret" && isId("secret", use.name) && !isSet(store, use.name)) {
      const next = `af secrets set ${use.name}, or ${secretVariable(use.name)}=… in .env`;
      missing.push({ ...use, next });
    }
  }
  return missing;
}

/** Whether a model is played from a file, so that no key is ever asked for. */
export async function isScriptedHere(dir: string, model: unknown): Promise<boolean> {
  const store = await open(dir);
  const text = (key: string): string => {
    const written = entriesOf(model).find(([name]) => name === key)?.[1];
    if (typeof written !== "string") return "";
    const reference = referenceIn(written);
    if (reference?.kind !== "env") return written;
    return store.variable(reference.name) ?? reference.default ?? "";
  };
  const provider = text("provider");
  if (provider === "scripted") return true;
  return provider === "openai-compatible" && text("model") === "scripted" && text("baseUrl") === "";
}

async function open(dir: string) {
  const { openSecrets } = await import("@agentflow/host/secrets");
  return openSecrets({ projectDir: dir, environment: process.env });
}

function isSet(store: Awaited<ReturnType<typeof open>>, name: SecretName): boolean {
  try {
    return store.get(name) !== undefined;
  } catch {
    // A file that may not be read is its own finding.
    return true;
  }
}

async function isStored(dir: string, name: SecretName): Promise<boolean> {
  const { readSecretFile, secretFileOf } = await import("@agentflow/host/secrets");
  return readSecretFile(secretFileOf(dir)).has(name);
}

async function notStored(dir: string, name: SecretName): Promise<AgentFlowError> {
  const place = await placeHere(dir, name);
  const variable = secretVariable(name);
  const where: { readonly [P in SecretPlace]: string } = {
    ".env": `${variable} stands in .env: remove the line there`,
    environment: `${variable} is a variable of the environment: unset ${variable}`,
    folder: "it lies in the folder of AF_SECRETS_DIR",
    file: "af secrets list",
  };
  return new AgentFlowError("not_found", `no secret ${name} was set with af secrets set`, {
    reason: "unknown_secret",
    suggestions: [place === undefined ? "af secrets list" : where[place]],
  });
}

function modelUses(usedBy: string, model: unknown): SecretUse[] {
  return entriesOf(model).flatMap(([key, written]): SecretUse[] => {
    const reference = typeof written === "string" ? referenceIn(written) : undefined;
    if (reference === undefined) return [];
    if (reference.kind === "secret") return [{ usedBy, kind: "secret", name: reference.name }];
    const isNeeded = key === "apiKey" && reference.default === undefined;
    return isNeeded ? [{ usedBy, kind: "variable", name: reference.name }] : [];
  });
}

function referenceIn(text: string): ReturnType<typeof parseReference> {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
