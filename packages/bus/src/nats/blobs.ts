/**
 * The Blobs port on a stream of its own: a blob is one message, or a head that names how many parts it has.
 * The head is written last and removed first, so a blob is there whole or not at all.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentFlowError } from "@agentflow/protocol";
import { checkBlobKey, checkBlobPrefix, checkBlobSize, wrongHash } from "../port/check.ts";
import type { Blobs } from "../port/index.ts";
import { api, directLast, leaderGet } from "./api.ts";
import { fromApi } from "./errors.ts";
import type { Link } from "./link.ts";
import { natsLimits } from "./limits.ts";
import { blobFilter, blobKeyOf, blobPart, blobParts, blobSubject, streamNames } from "./names.ts";
import { parseStored, parseStreamInfo, type StoredMessage } from "./parse-answers.ts";
import { RawHeaders } from "./raw-headers.ts";

const stream = streamNames.blob;
const partsHeader = "Af-Parts";

interface BlobsOptions {
  readonly replicas: number;
  readonly isOwner: boolean;
  /** The connection that may remove. */
  readonly purges: Link;
}

export class StreamBlobs implements Blobs {
  readonly #link: Link;
  readonly #purges: Link;
  readonly #hasCopies: boolean;
  readonly #isOwner: boolean;

  constructor(link: Link, of: BlobsOptions) {
    this.#link = link;
    this.#purges = of.purges;
    this.#hasCopies = of.replicas > 1;
    this.#isOwner = of.isOwner;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const hash = checkBlobKey(key);
    checkBlobSize(bytes.length);
    if (sha256(bytes) !== hash) throw wrongHash(key);
    // Taken now: whoever gave the bytes may change them while they are on their way.
    const own = Uint8Array.from(bytes);
    if ((await this.#newest(blobSubject(key))) !== undefined) return;
    const size = natsLimits.blobPartBytes;
    if (own.length <= size) return this.#store(blobSubject(key), own);
    const parts = Math.ceil(own.length / size);
    await inGroups(parts, (part) =>
      this.#store(blobPart(key, part), own.subarray(part * size, (part + 1) * size)),
    );
    await this.#store(blobSubject(key), new Uint8Array(0), new RawHeaders(`${partsHeader}: ${parts}\r\n`));
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const hash = checkBlobKey(key);
    const head = await this.#newest(blobSubject(key));
    if (head === undefined) return undefined;
    const parts = Number(head.header(partsHeader));
    const bytes = parts === 0 ? Uint8Array.from(head.data) : await this.#joined(key, parts);
    if (bytes !== undefined && sha256(bytes) === hash) return bytes;
    // Deleted while it was read, or not what was put.
    if ((await this.#newest(blobSubject(key))) === undefined) return undefined;
    throw new AgentFlowError("internal", "a blob does not have the SHA-256 that its key ends in", {
      reason: "blob_damaged",
      details: { key },
    });
  }

  async delete(key: string): Promise<void> {
    checkBlobKey(key);
    for (const filter of [blobSubject(key), blobParts(key)]) {
      await api(this.#purges, { verb: `STREAM.PURGE.${stream}`, body: { filter }, doing: "deleting a blob" });
    }
  }

  async list(prefix: string, { after = "" }: { after?: string } = {}): Promise<readonly string[]> {
    checkBlobPrefix(prefix);
    const keys: string[] = [];
    for (let offset = 0; ; ) {
      const body = { subjects_filter: blobFilter(prefix), offset };
      const call = { verb: `STREAM.INFO.${stream}`, body, doing: "listing blobs" };
      const page = Object.keys(parseStreamInfo((await api(this.#link, call)) ?? {}).bySubject);
      if (page.length === 0) break;
      for (const subject of page) {
        const key = blobKeyOf(subject);
        if (key.startsWith(prefix) && key > after) keys.push(key);
      }
      offset += page.length;
    }
    return [...new Set(keys)].sort().slice(0, natsLimits.blobKeysMax);
  }

  /**
   * With copies the one that answers may lag. An owner then asks the leader; a worker may not (a body says
   * whose blob is wanted), so what it does not find it looks for once more.
   */
  async #newest(subject: string): Promise<StoredMessage | undefined> {
    if (!this.#hasCopies) return directLast(this.#link, stream, subject);
    if (this.#isOwner) return leaderGet(this.#link, stream, { last_by_subj: subject });
    for (let tries = 1; ; tries++) {
      const found = await directLast(this.#link, stream, subject);
      if (found !== undefined || tries === natsLimits.lagTries) return found;
      await sleep(natsLimits.lagPauseMs);
    }
  }

  async #store(subject: string, bytes: Uint8Array, headers?: RawHeaders): Promise<void> {
    const doing = "writing a blob";
    const ask = headers === undefined ? { doing } : { doing, headers };
    const stored = parseStored(await this.#link.store(subject, bytes, ask));
    if (!stored.ok) throw fromApi(stored.error, doing);
  }

  async #joined(key: string, parts: number): Promise<Uint8Array | undefined> {
    const found: Uint8Array[] = [];
    await inGroups(parts, async (part) => {
      const message = await this.#newest(blobPart(key, part));
      if (message !== undefined) found[part] = message.data;
    });
    return Object.keys(found).length === parts ? Uint8Array.from(Buffer.concat(found)) : undefined;
  }
}

async function inGroups(count: number, work: (n: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += natsLimits.blobPartsAtOnce) {
    const to = Math.min(count, from + natsLimits.blobPartsAtOnce);
    await Promise.all(Array.from({ length: to - from }, (_, n) => work(from + n)));
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
