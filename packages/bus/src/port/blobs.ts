/** Blobs: bytes under a key that ends in their SHA-256, so a key never changes its content. */
export interface Blobs {
  /** Durable when it resolves. The same key again changes nothing. At most 64 MiB, then `limit_exceeded`;
   *  `invalid_input` when the bytes do not have the key's hash. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The bytes, or undefined when there are none. Throws `internal` when they do not match the key's hash. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** A key that is not there is none the less gone. */
  delete(key: string): Promise<void>;
  /** Keys that begin with `prefix`, sorted, at most 10,000 behind `after`. */
  list(prefix: string, options?: { readonly after?: string }): Promise<readonly string[]>;
}

export const blobBytesMax = 64 * 1024 * 1024;
