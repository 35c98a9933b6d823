/** The user's own contexts: `contexts.yaml` without secrets, tokens beside it or in the keychain. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { systemKeychain } from "./keychain.ts";
import {
  type Addresses,
  type Credential,
  type Credentials,
  editUserContexts,
  noUserContexts,
  parseCredentials,
  parseUserContexts,
  type TokenPlace,
  type UserContext,
  type UserContexts,
  writtenAddresses,
} from "./parse-contexts.ts";
import { readPrivate, readText, writeWhole } from "./private-file.ts";

export function userContextsFile(folder: string): string {
  return join(folder, "contexts.yaml");
}

export function credentialsFile(folder: string): string {
  return join(folder, "credentials.json");
}

export function readUserContexts(folder: string): UserContexts {
  const file = userContextsFile(folder);
  const text = readText(file);
  return text === undefined ? noUserContexts : parseUserContexts(text, file);
}

/** Its token, for the addresses that it was given for and no other. */
export function userToken(folder: string, of: { readonly name: string } & UserContext): string | undefined {
  const { name, urls, token } = of;
  if (token === "none") return undefined;
  if (token === "keychain") return systemKeychain().find({ context: name, urls });
  const known = readCredentials(folder).get(name);
  return known !== undefined && urls.every((url) => known.urls.includes(url)) ? known.token : undefined;
}

export interface NewUserContext {
  readonly name: string;
  readonly urls: Addresses;
  readonly token: string | undefined;
  readonly keychain: boolean;
}

/** Takes the place of one of the same name. The token is put away first: a name is never without it. */
export async function addUserContext(folder: string, of: NewUserContext): Promise<TokenPlace> {
  const { name, urls, token, keychain } = of;
  const place: TokenPlace = token === undefined ? "none" : keychain ? "keychain" : "file";
  await changing(folder, () => {
    const before = readUserContexts(folder).contexts.get(name);
    if (token !== undefined && keychain) systemKeychain().store({ context: name, urls }, token);
    editCredentials(folder, (tokens) => {
      tokens.delete(name);
      if (token !== undefined && !keychain) tokens.set(name, { urls, token });
    });
    editContexts(folder, (document) => {
      document.set(["contexts", name], { ...writtenAddresses(urls), token: place });
    });
    // An entry is for its addresses in any order: the same ones told otherwise are the entry just stored.
    const isOther = !isSame(before?.urls ?? [], urls) || place !== "keychain";
    if (before?.token === "keychain" && isOther)
      systemKeychain().remove({ context: name, urls: before.urls });
  });
  return place;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return String(a.toSorted()) === String(b.toSorted());
}

/** One that lies in a cluster: its token is there too. Takes the place of one of the same name. */
export async function addUserCluster(
  folder: string,
  { name, cluster }: { readonly name: string; readonly cluster: string },
): Promise<void> {
  await changing(folder, () => {
    const before = readUserContexts(folder).contexts.get(name);
    if (before?.token === "keychain") systemKeychain().remove({ context: name, urls: before.urls });
    editCredentials(folder, (tokens) => tokens.delete(name));
    editContexts(folder, (document) => document.set(["contexts", name], { cluster }));
  });
}

/** With its token, wherever that lies. False when there was none. */
export async function removeUserContext(folder: string, name: string): Promise<boolean> {
  let was = false;
  await changing(folder, () => {
    const { contexts, clusters, current, previous, projects } = readUserContexts(folder);
    const context = contexts.get(name);
    if (context === undefined && !clusters.has(name)) return;
    was = true;
    if (context?.token === "keychain") systemKeychain().remove({ context: name, urls: context.urls });
    editCredentials(folder, (tokens) => tokens.delete(name));
    editContexts(folder, (document) => {
      document.delete(["contexts", name]);
      for (const [project, chosen] of projects) {
        if (chosen === name) document.delete(["projects", project]);
      }
      if (current === name) document.delete(["current"]);
      if (previous === name) document.delete(["previous"]);
    });
  });
  return was;
}

export async function useUserContext(folder: string, name: string): Promise<void> {
  await changing(folder, () => {
    const { current } = readUserContexts(folder);
    editContexts(folder, (document) => {
      document.set(["current"], name);
      if (current !== undefined && current !== name) document.set(["previous"], current);
    });
  });
}

interface InProject {
  /** Its folder. */
  readonly project: string;
  readonly name: string;
}

/** The user chose it for a project. What lies in the project's folder may have come with somebody's copy. */
export async function allowInProject(folder: string, { project, name }: InProject): Promise<void> {
  await changing(folder, () => {
    editContexts(folder, (document) => document.set(["projects", realpathSync(project)], name));
  });
}

export function isAllowedInProject(folder: string, { project, name }: InProject): boolean {
  return readUserContexts(folder).projects.get(realpathSync(project)) === name;
}

function readCredentials(folder: string): Credentials {
  const file = credentialsFile(folder);
  const text = readPrivate(file);
  return text === undefined ? new Map() : parseCredentials(text, file);
}

function editCredentials(folder: string, edit: (tokens: Map<string, Credential>) => void): void {
  const before = readCredentials(folder);
  const tokens = new Map(before);
  edit(tokens);
  if (before.size === 0 && tokens.size === 0) return;
  const entries = [...tokens].map(
    ([name, { urls, token }]) => [name, { ...writtenAddresses(urls), token }] as const,
  );
  const text = JSON.stringify({ v: 1, tokens: Object.fromEntries(entries) }, null, 2);
  writeWhole(credentialsFile(folder), `${text}\n`);
}

function editContexts(folder: string, edit: Parameters<typeof editUserContexts>[1]): void {
  const file = userContextsFile(folder);
  writeWhole(file, editUserContexts(readText(file) ?? "", edit));
}

async function changing(folder: string, work: () => void): Promise<void> {
  const { underLock } = await import("../local/file-lock.ts");
  await underLock(join(folder, "contexts.lock"), "the contexts", work);
}
