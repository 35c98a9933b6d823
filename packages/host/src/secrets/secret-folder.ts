/** A folder with one file a secret, as Docker and Kubernetes mount them; told by AF_SECRETS_DIR. */
import { isId, type SecretName } from "@agentflow/protocol";
import { readdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { checkValue, secretLimits } from "./secret-file.ts";
import { readPlainText, stampOf } from "./watched-file.ts";

export class SecretFolder {
  readonly #folder: string;
  #seen = "never";
  #values: ReadonlyMap<SecretName, string> = new Map();
  #faults: readonly string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  get values(): ReadonlyMap<SecretName, string> {
    return this.#values;
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  /** True when it was read again. */
  look(): boolean {
    const names = this.#names();
    // Kubernetes swaps the whole folder by a link, Docker writes files: both show in the files' own stamps.
    const now = names?.map((name) => `${name}=${stampOf(path.join(this.#folder, name))}`).join() ?? "none";
    if (now === this.#seen) return false;
    this.#seen = now;
    const values = new Map<SecretName, string>();
    const faults: string[] = names === undefined ? [`the folder ${this.#folder} cannot be read`] : [];
    for (const name of names ?? []) {
      try {
        const value = this.#read(name);
        // What is left of one that was withdrawn.
        if (value !== "") values.set(name, value);
      } catch (error) {
        faults.push(error instanceof Error ? error.message : String(error));
      }
    }
    this.#values = values;
    this.#faults = faults;
    return true;
  }

  #names(): SecretName[] | undefined {
    try {
      const names = readdirSync(this.#folder).filter((name): name is SecretName => isId("secret", name));
      return names.sort().slice(0, secretLimits.secretsMax);
    } catch {
      return undefined;
    }
  }

  #read(name: SecretName): string {
    const folder = realpathSync(this.#folder);
    const file = realpathSync(path.join(folder, name));
    if (!file.startsWith(`${folder}${path.sep}`))
      throw new Error(`${name} in ${this.#folder} is a link out of it`);
    // Whoever writes such a file by hand ends it with a newline that is no part of it.
    const value = readPlainText(file).replace(/\r?\n$/, "");
    if (value !== "") checkValue(name, value);
    return value;
  }
}
