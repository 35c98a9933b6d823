import type { Blobs } from "@agentflow/bus";
import { AgentFlowError, type BlobKey } from "@agentflow/protocol";
import { backupLimits, type BackupBlob, type BackupMissing } from "./records.ts";

/** Gives each blob that something names, once for as long as its key is remembered. */
export class NamedBlobs {
  readonly #blobs: Blobs;
  readonly #given = new Set<BlobKey>();

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  async *give(keys: readonly BlobKey[], by: string): AsyncGenerator<BackupBlob | BackupMissing, void> {
    for (const key of keys) {
      if (this.#given.has(key)) continue;
      this.#remember(key);
      const bytes = await this.#read(key);
      if (bytes instanceof Uint8Array) yield* partsOf(key, bytes);
      else yield { kind: "missing", key, by, damaged: bytes === "damaged" };
    }
  }

  /** A blob that is gone or damaged keeps nothing else from being saved. */
  async #read(key: BlobKey): Promise<Uint8Array | "missing" | "damaged"> {
    try {
      return (await this.#blobs.get(key)) ?? "missing";
    } catch (error) {
      if (AgentFlowError.is(error) && error.code === "internal") return "damaged";
      // No key at all: nothing can lie there.
      if (AgentFlowError.is(error) && error.code === "invalid_input") return "missing";
      throw error;
    }
  }

  #remember(key: BlobKey): void {
    this.#given.add(key);
    if (this.#given.size <= backupLimits.keysRemembered) return;
    for (const oldest of this.#given) {
      this.#given.delete(oldest);
      return;
    }
  }
}

function* partsOf(key: BlobKey, bytes: Uint8Array): Generator<BackupBlob, void> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = backupLimits.blobPartBytes;
  for (let at = 0; at === 0 || at < buffer.length; at += length) {
    const last = at + length >= buffer.length;
    yield { kind: "blob", key, data: buffer.toString("base64", at, at + length), last };
  }
}
