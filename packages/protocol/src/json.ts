/** Plain JSON, and how a value stands in a record: inline up to 64 KiB, else by reference. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** JSON Schema, draft 2020-12; ours is the subset that zod writes. */
export type JsonSchema = JsonObject;

/** `<tenant>/<run>/<sha256>`, `<tenant>/_def/<sha256>` or `<tenant>/_archive/<sha256>`. */
export type BlobKey = string;

export type InlineValue = { readonly inline: Json };
export type BlobValue = { readonly blob: BlobKey; readonly bytes: number };
export type Value = InlineValue | BlobValue;

/** A value's JSON text longer than this many UTF-8 bytes is kept as a blob. */
export const inlineBytesMax = 64 * 1024;

export function isInline(value: Value): value is InlineValue {
  return "inline" in value;
}

/** RFC 3339, UTC, milliseconds. */
export type Instant = string;

export function instant(unixMs: number): Instant {
  return new Date(unixMs).toISOString();
}

export function unixMs(at: Instant): number {
  return Date.parse(at);
}

/**
 * An object {"$ref": {"blob", "bytes"}} within a task's input stands for the blob's JSON; workers put it in.
 */
export const blobRefKey = "$ref";
