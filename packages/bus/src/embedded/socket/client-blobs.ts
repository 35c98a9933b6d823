import type { Blobs } from "../../port/index.ts";
import { checkBlobKey, checkBlobSize } from "../../port/check.ts";
import { checkContent } from "../blobs.ts";
import type { Client } from "./client.ts";
import { operation, socketLimits } from "./operations.ts";
import * as parse from "./parse-message.ts";

/** The Blobs port through the socket: in parts, so that one blob does not keep everything else waiting. */
export class ClientBlobs implements Blobs {
  readonly #client: Client;
  readonly #waiting: (() => void)[] = [];
  #sending = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    checkBlobKey(key);
    checkBlobSize(bytes.length);
    if (bytes.length <= socketLimits.blobPartBytes) return this.#send(key, bytes);
    await this.#turn();
    try {
      await this.#send(key, bytes);
    } finally {
      // The place goes to whoever waits for it, without having been free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#sending--;
      else next();
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const parts: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const facts = [key, bytes];
      const answer = await this.#client.call({ code: operation.getBlob, facts }, { again: true });
      if (answer.facts === null) return undefined;
      const part = Buffer.from(parse.body(answer.bodies), "base64");
      parts.push(part);
      bytes += part.length;
      if (part.length === 0 || bytes >= parse.count(answer.facts)) break;
    }
    const whole = Buffer.concat(parts, bytes);
    checkContent(key, whole);
    return whole;
  }

  async delete(key: string): Promise<void> {
    await this.#client.call({ code: operation.deleteBlob, facts: [key] }, { again: true });
  }

  async list(prefix: string, options: { after?: string } = {}): Promise<readonly string[]> {
    const facts = [prefix, options.after ?? ""];
    return parse.texts(
      (await this.#client.call({ code: operation.listBlobs, facts }, { again: true })).facts,
    );
  }

  async #turn(): Promise<void> {
    if (this.#sending < socketLimits.uploadsOpen) {
      this.#sending++;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #send(key: string, bytes: Uint8Array): Promise<void> {
    const upload = this.#client.newId();
    const { blobPartBytes } = socketLimits;
    for (let at = 0; at === 0 || at < bytes.length; at += blobPartBytes) {
      const length = Math.min(blobPartBytes, bytes.length - at);
      const part = Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
      const facts = [upload, key, at === 0, at + blobPartBytes >= bytes.length];
      await this.#client.call({ code: operation.putBlob, facts, bodies: [part.toString("base64")] });
    }
  }
}
