import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AgentFlowError } from "@agentflow/protocol";
import type { Blobs } from "../port/index.ts";
import { checkBlobKey, checkBlobPrefix, checkBlobSize, wrongHash } from "../port/check.ts";

const keysListed = 10_000;
const placeRounds = 5;
// A key holds no dot: none leads out of its folder, and none is this.
const scratch = ".tmp";

/** The Blobs port over files: written aside, synced, renamed, and then the folder synced too. */
export class FileBlobs implements Blobs {
  readonly #root: string;
  #isClosed = false;

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folder and throws away what a dead process left half written. */
  async prepare(): Promise<void> {
    await rm(join(this.#root, scratch), { recursive: true, force: true });
    await mkdir(join(this.#root, scratch), { recursive: true, mode: 0o700 });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    checkBlobKey(key);
    checkBlobSize(bytes.length);
    if (hashOf(bytes) !== hashIn(key)) throw wrongHash(key);
    const path = this.#path(key);
    await this.#doing(`writing the blob ${key}`, async () => {
      // It may be another's that is there, renamed and not yet synced: durable means durable for both.
      if (await exists(path)) await syncFolder(dirname(path));
      else await this.#write(path, bytes);
    });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    checkBlobKey(key);
    const bytes = await this.#doing(`reading the blob ${key}`, () => this.#read(key));
    if (bytes !== undefined) checkContent(key, bytes);
    return bytes;
  }

  /** A part of a blob and its whole size, unchecked: for who puts the parts together and checks the whole. */
  async part(
    key: string,
    from: number,
    length: number,
  ): Promise<{ bytes: Buffer; size: number } | undefined> {
    checkBlobKey(key);
    return this.#doing(`reading the blob ${key}`, async () => {
      const file = await openIfThere(this.#path(key));
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - from)));
        await file.read(bytes, 0, bytes.length, from);
        return { bytes, size };
      } finally {
        await file.close();
      }
    });
  }

  async delete(key: string): Promise<void> {
    checkBlobKey(key);
    await this.#doing(`deleting the blob ${key}`, async () => {
      const path = this.#path(key);
      await rm(path, { force: true });
      // A run's folder goes with its last blob; one that holds more stays.
      await rmdir(dirname(path)).catch(() => undefined);
    });
  }

  async list(prefix: string, options: { after?: string } = {}): Promise<readonly string[]> {
    checkBlobPrefix(prefix);
    const found: string[] = [];
    const want = { prefix, after: options.after ?? "" };
    // No key has an empty part; a folder's name may.
    if (prefix.startsWith("/") || prefix.includes("//")) return [];
    // Into the folder that the prefix names, not through all folders beside it.
    const from = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    await this.#doing("listing blobs", () => this.#walk(from, want, found));
    return found;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const aside = join(this.#root, scratch, randomBytes(12).toString("hex"));
    try {
      const file = await open(aside, "wx", 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#place(aside, path);
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
  }

  async #place(aside: string, path: string): Promise<void> {
    const folder = dirname(path);
    let made: string | undefined;
    for (let round = 1; ; round++) {
      const top = await mkdir(folder, { recursive: true, mode: 0o700 });
      made ??= top;
      try {
        await rename(aside, path);
      } catch (error) {
        // Another's last blob may have been deleted between the two, and the folder with it.
        if (isMissing(error) && round < placeRounds) continue;
        throw error;
      }
      await syncFolder(folder);
      if (made !== undefined) await this.#syncAbove(folder, dirname(made));
      return;
    }
  }

  /** Folders that were just made are entries of their parents, and those must reach the disk as well. */
  async #syncAbove(folder: string, top: string): Promise<void> {
    for (let above = dirname(folder); above.length >= top.length; above = dirname(above)) {
      await syncFolder(above);
      if (above === dirname(above)) return;
    }
  }

  async #read(key: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#path(key));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #walk(at: string, want: { prefix: string; after: string }, found: string[]): Promise<void> {
    const entries = await readFolder(join(this.#root, at));
    for (const name of entries) {
      if (found.length >= keysListed) return;
      const key = `${at}${name}`;
      if (name.endsWith("/")) {
        const leadsOn = key.startsWith(want.prefix) || want.prefix.startsWith(key);
        // Everything below sorts behind the folder's own name, so a folder wholly before `after` is skipped.
        if (leadsOn && (key >= want.after || want.after.startsWith(key))) await this.#walk(key, want, found);
      } else if (key.startsWith(want.prefix) && key > want.after) {
        found.push(key);
      }
    }
  }

  #path(key: string): string {
    return join(this.#root, ...key.split("/"));
  }

  async #doing<T>(what: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new AgentFlowError("unavailable", "the bus is closed", { reason: "closed" });
    try {
      return await work();
    } catch (error) {
      throw fromFileSystem(error, what);
    }
  }
}

/** Throws `internal` when the bytes are not the ones that the key names. */
export function checkContent(key: string, bytes: Uint8Array): void {
  if (hashOf(bytes) === hashIn(key)) return;
  throw new AgentFlowError("internal", `the blob ${key} is damaged: its bytes do not match its name`, {
    reason: "blob_damaged",
    details: { key },
  });
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function hashIn(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** Names in the order of the keys they begin: a folder sorts with its slash. */
async function readFolder(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const names = entries.filter(({ name }) => name !== scratch);
    return names.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function openIfThere(path: string): Promise<Awaited<ReturnType<typeof open>> | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function fromFileSystem(error: unknown, doing: string): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  if (hasCode(error, "ENOSPC") || hasCode(error, "EDQUOT")) {
    return new AgentFlowError("unavailable", `${doing}: the disk is full`, {
      reason: "storage_full",
      cause: error,
    });
  }
  const text = error instanceof Error ? error.message : String(error);
  return new AgentFlowError("unavailable", `${doing}: ${text}`, { reason: "storage_failed", cause: error });
}
