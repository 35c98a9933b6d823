/** The key of a request, wherever its provider puts it. */
import type { IncomingHttpHeaders } from "node:http";

/** Undefined when there is none. Of a request signed the Amazon way it is the id of the key. */
export function keyOf(headers: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  const authorization = headers.authorization ?? "";
  const bearer = /^Bearer (.+)$/i.exec(authorization)?.[1];
  const signed = /Credential=([^/,\s]+)/.exec(authorization)?.[1];
  const named = ["x-api-key", "api-key", "x-goog-api-key"]
    .map((name) => headers[name])
    .find((value) => typeof value === "string" && value !== "");
  const found = bearer ?? signed ?? (typeof named === "string" ? named : undefined) ?? query.get("key");
  return found === null || found === "" ? undefined : found;
}

/** Enough of a key to tell two apart, and not enough to use one. */
export function maskedKey(key: string | undefined): string {
  if (key === undefined) return "none";
  return key.length < 16 ? "***" : `***${key.slice(-4)}`;
}
