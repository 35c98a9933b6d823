import { AgentFlowError, type Instant, isId, type SecretName, secretVariable } from "@agentflow/protocol";
import path from "node:path";
import type { Stop, Timers } from "../clock.ts";
import type { Environment } from "../config/text-layers.ts";
import { createSecrets, maskedLengthMin, type Secrets } from "../log/secrets.ts";
import { type DotenvText, parseDotenv } from "./dotenv.ts";
import type { StoredSecrets } from "./parse-secret-file.ts";
import { readSecretFile, secretFileOf } from "./secret-file.ts";
import { SecretFolder } from "./secret-folder.ts";
import {
  looksSecret,
  namedIn,
  type NamedSecrets,
  nameOfVariable,
  ordinaryVariables,
  passwordsIn,
} from "./secret-names.ts";
import { readPlainText, WatchedFile } from "./watched-file.ts";

/** Where a secret's value was found; the first of these that has one is asked. */
export const secretPlaces = ["folder", "file", "environment", ".env"] as const;
export type SecretPlace = (typeof secretPlaces)[number];

export interface KnownSecret {
  readonly name: SecretName;
  readonly from: SecretPlace;
  /** Of the file alone. */
  readonly setAt?: Instant;
}

export interface SecretStoreOptions {
  readonly projectDir: string;
  /** Of this process; AF_SECRETS_DIR names a folder with one file a secret. */
  readonly environment: Environment;
  /** Hides what is known here; one of its own when left out. */
  readonly hidden?: Secrets;
  /** Told which files were read again. */
  readonly onChange?: (files: readonly string[]) => void;
}

/** The secrets of a project on this machine. Files are read again when they change; nothing is logged. */
export interface SecretStore {
  /** Undefined when nobody has set it. Refuses when the file it may stand in can be read by others. */
  get(name: SecretName): string | undefined;
  /** What `env://NAME` stands for: the environment, then `.env`. Empty counts as not set. */
  variable(name: string): string | undefined;
  /** The places of every secret that is named anywhere and has a value; never the value. */
  list(): readonly KnownSecret[];
  /** Secrets that code declares: from now on they are known as such. True if a variable holds one. */
  learn(named: Partial<NamedSecrets>): boolean;
  /** Whether a variable of the environment holds a secret, so that user code does not inherit it. */
  isSecretVariable(name: string, value: string): boolean;
  /** Everything that `hidden` hides, for whoever hides by himself. */
  values(): readonly string[];
  /** Hides what is known in text, as of the last look. */
  readonly hidden: Secrets;
  /** Looks whether a file changed; true if one did. Costs a `stat` a file. */
  refresh(): boolean;
  /** Names of the variables in `.env`. */
  dotenvNames(): readonly string[];
  /** What is wrong with the files, without what stands in them. */
  faults(): readonly string[];
  /** Looks each second. */
  watch(timers: Timers): Stop;
}

export function openSecrets(options: SecretStoreOptions): SecretStore {
  const store = new ProjectSecrets(options);
  store.refresh();
  return store;
}

const lookEveryMs = 1_000;
const noDotenv: DotenvText = { values: new Map(), faults: [] };
const nothingNamed: NamedSecrets = { secrets: [], variables: [] };

class ProjectSecrets implements SecretStore {
  readonly hidden: Secrets;
  readonly #environment: Environment;
  readonly #onChange: (files: readonly string[]) => void;
  readonly #file: WatchedFile<StoredSecrets>;
  readonly #dotenv: WatchedFile<DotenvText>;
  readonly #project: WatchedFile<NamedSecrets>;
  readonly #folder: SecretFolder | undefined;
  readonly #learnt = { secrets: new Set<SecretName>(), variables: new Set<string>() };
  /** A value that was replaced stays hidden: text with it may still be on its way. */
  readonly #registered = new Set<string>();
  #opened = false;
  #values: ReadonlySet<string> = new Set();
  #variables: ReadonlySet<string> = new Set();

  constructor({ projectDir, environment, hidden, onChange }: SecretStoreOptions) {
    this.hidden = hidden ?? createSecrets();
    this.#onChange = onChange ?? (() => {});
    this.#environment = environment;
    this.#file = new WatchedFile<StoredSecrets>(secretFileOf(projectDir), {
      empty: new Map(),
      read: readSecretFile,
    });
    this.#dotenv = new WatchedFile(path.join(projectDir, ".env"), {
      empty: noDotenv,
      read: (file) => parseDotenv(readPlainText(file)),
    });
    this.#project = new WatchedFile(path.join(projectDir, "agentflow.yaml"), {
      empty: nothingNamed,
      read: (file) => namedIn(readPlainText(file)),
    });
    const folder = environment["AF_SECRETS_DIR"] ?? "";
    this.#folder = folder === "" ? undefined : new SecretFolder(folder);
  }

  get(name: SecretName): string | undefined {
    if (!isId("secret", name)) return undefined;
    this.refresh();
    const found = this.#find(name);
    if (found === undefined || found.from === "environment" || found.from === ".env") {
      // It may stand where we may not look: another value in its place would be worse than none.
      if (this.#file.fault !== undefined) throw this.#file.fault;
    }
    if (found !== undefined) this.learn({ secrets: [name] });
    return found?.value;
  }

  variable(name: string): string | undefined {
    this.refresh();
    return this.#variable(name)?.value;
  }

  list(): KnownSecret[] {
    this.refresh();
    const names = new Set<SecretName>([...this.#named().secrets, ...this.#file.value.keys()]);
    for (const name of this.#folder?.values.keys() ?? []) names.add(name);
    for (const [variable, value] of this.#dotenv.value.values) {
      const name = looksSecret(variable, value) ? nameOfVariable(variable) : undefined;
      // `model-key` and `model_key` share a variable; the one that somebody named is meant.
      if (name !== undefined && ![...names].some((one) => secretVariable(one) === variable)) names.add(name);
    }
    return [...names].sort().flatMap((name) => {
      const found = this.#find(name);
      if (found === undefined) return [];
      const setAt = found.from === "file" ? this.#file.value.get(name)?.setAt : undefined;
      return [{ name, from: found.from, ...(setAt === undefined ? {} : { setAt }) }];
    });
  }

  learn({ secrets = [], variables = [] }: Partial<NamedSecrets>): boolean {
    const fresh = secrets.filter((name) => !this.#learnt.secrets.has(name));
    const freshVariables = variables.filter((name) => !this.#learnt.variables.has(name));
    if (fresh.length + freshVariables.length === 0) return false;
    const known = this.#variables;
    for (const name of fresh) this.#learnt.secrets.add(name);
    for (const name of freshVariables) this.#learnt.variables.add(name);
    this.#gather();
    const names = [...fresh.map(secretVariable), ...freshVariables];
    return names.some((name) => !known.has(name) && (this.#environment[name] ?? "") !== "");
  }

  isSecretVariable(name: string, value: string): boolean {
    return this.#variables.has(name) || (value.length >= maskedLengthMin && this.#values.has(value));
  }

  values(): string[] {
    return [...this.#registered];
  }

  refresh(): boolean {
    const changed = [
      ...(this.#file.look() ? [".agentflow/secrets.json"] : []),
      ...(this.#dotenv.look() ? [".env"] : []),
      ...(this.#project.look() ? ["agentflow.yaml"] : []),
      ...(this.#folder?.look() === true ? ["AF_SECRETS_DIR"] : []),
    ];
    if (changed.length === 0) return false;
    this.#gather();
    if (this.#opened) this.#onChange(changed);
    this.#opened = true;
    return true;
  }

  dotenvNames(): string[] {
    return [...this.#dotenv.value.values.keys()];
  }

  faults(): string[] {
    const file = this.#file.fault?.message;
    const dotenv = this.#dotenv.fault?.message;
    return [
      ...(file === undefined ? [] : [file]),
      ...(dotenv === undefined ? [] : [dotenv]),
      ...this.#dotenv.value.faults.map(({ line, message }) => `.env:${line} ${message}`),
      ...(this.#folder?.faults ?? []),
    ];
  }

  watch(timers: Timers): Stop {
    return timers.every(lookEveryMs, () => void this.refresh(), { background: true });
  }

  #find(name: SecretName): { readonly value: string; readonly from: SecretPlace } | undefined {
    const mounted = this.#folder?.values.get(name);
    if (mounted !== undefined) return { value: mounted, from: "folder" };
    const stored = this.#file.value.get(name);
    if (stored !== undefined) return { value: stored.value, from: "file" };
    const variable = secretVariable(name);
    return ordinaryVariables.has(variable) ? undefined : this.#variable(variable);
  }

  #variable(name: string): { readonly value: string; readonly from: SecretPlace } | undefined {
    const value = Object.hasOwn(this.#environment, name) ? (this.#environment[name] ?? "") : "";
    if (value !== "") return { value, from: "environment" };
    const written = this.#dotenv.value.values.get(name) ?? "";
    return written === "" ? undefined : { value: written, from: ".env" };
  }

  #named(): NamedSecrets {
    const { secrets, variables } = this.#project.value;
    return {
      secrets: [...new Set([...secrets, ...this.#learnt.secrets])],
      variables: [...new Set([...variables, ...this.#learnt.variables])],
    };
  }

  /** What is secret by now: certain, because it is stored or named as such, or likely by its name. */
  #gather(): void {
    const named = this.#named();
    const names = [...named.secrets, ...this.#file.value.keys(), ...(this.#folder?.values.keys() ?? [])];
    const variables = new Set([...names.map(secretVariable), ...named.variables]);
    for (const ordinary of ordinaryVariables) variables.delete(ordinary);
    const certain = new Set([...this.#file.value.values()].map(({ value }) => value));
    for (const value of this.#folder?.values.values() ?? []) certain.add(value);
    for (const variable of variables) {
      for (const value of [this.#environment[variable], this.#dotenv.value.values.get(variable)]) {
        if (value !== undefined && value !== "") certain.add(value);
      }
    }
    const likely: string[] = [];
    for (const [name, value = ""] of [...Object.entries(this.#environment), ...this.#dotenv.value.values]) {
      if (looksSecret(name, value)) likely.push(value);
      likely.push(...passwordsIn(value));
    }
    for (const [name, value] of this.#dotenv.value.values) if (looksSecret(name, value)) certain.add(value);
    this.#values = certain;
    this.#variables = variables;
    for (const value of [...certain, ...likely]) this.#hide(value);
  }

  #hide(value: string): void {
    if (this.#registered.has(value)) return;
    this.#registered.add(value);
    this.hidden.register(value);
  }
}

/** A secret that nobody has set, said with the ways to set it. */
export function secretNotSet(name: SecretName): AgentFlowError {
  return new AgentFlowError("not_found", `the secret ${name} is not set`, {
    reason: "secret_not_set",
    suggestions: [`af secrets set ${name}`, `or ${secretVariable(name)}=… in .env`],
  });
}
