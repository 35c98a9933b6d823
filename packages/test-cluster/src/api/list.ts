/** Lists: selectors, pages, and versions that are past or not yet there. */
import { at, numberAt, textAt } from "../json.ts";
import type { Json, JsonObject, KubeObject } from "../object.ts";
import { parseJson } from "../parse.ts";
import type { Store } from "../store.ts";
import { type Call, wholeNumber } from "./call.ts";
import { formOf, listOf } from "./represent.ts";
import { fieldMatches, labelMatches, type Matches } from "./selectors.ts";
import { badRequest, StatusError } from "./status.ts";

interface Token {
  /** -1: from what is there now, whatever happened meanwhile. */
  readonly version: number;
  readonly start: string;
}

export function selected(call: Call): Matches {
  const labels = call.query.get("labelSelector") ?? "";
  const fields = call.query.get("fieldSelector") ?? "";
  const byLabel = labels === "" ? undefined : labelMatches(labels);
  const byField = fields === "" ? undefined : fieldMatches(fields, call.resource.id, call.resource.kind);
  return (object) => (byLabel?.(object) ?? true) && (byField?.(object) ?? true);
}

/** All namespaces where none is named. */
export function scopeOf(call: Call): string | undefined {
  return call.resource.namespaced && call.namespace !== "" ? call.namespace : undefined;
}

/** Answers after a wait when the version asked for has not come yet: hence the promise. */
export async function listFor(store: Store, call: Call): Promise<JsonObject> {
  const form = formOf(call.accept);
  const limit = wholeNumber(call.query, "limit") ?? 0;
  const matches = selected(call);
  const token = tokenIn(call.query.get("continue"));
  const asked = versionIn(call.query.get("resourceVersion"), (why) =>
    badRequest(`invalid resource version: ${why}`),
  );
  if (token === undefined) await awaitVersion(store, asked);
  const { objects, version } = readAt(store, call, token, asked);
  const all = objects.filter(matches).filter((one) => token === undefined || keyOf(one) > token.start);
  const page = limit > 0 ? all.slice(0, limit) : all;
  const last = page.at(-1);
  const metadata: Record<string, Json> = { resourceVersion: String(version) };
  if (page.length < all.length && last !== undefined) {
    metadata["continue"] = tokenOf({ version, start: keyOf(last) });
    const whole =
      (call.query.get("labelSelector") ?? "") === "" && (call.query.get("fieldSelector") ?? "") === "";
    if (whole) metadata["remainingItemCount"] = all.length - page.length;
  }
  return listOf(call.resource, form, metadata, page);
}

export function versionIn(text: string | null, refuse: (message: string) => Error): number | undefined {
  if (text === null || text === "") return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const why = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw refuse(`resourceVersion: Invalid value: ${JSON.stringify(text)}: ${why}`);
}

function readAt(store: Store, call: Call, token: Token | undefined, asked: number | undefined) {
  const exact = call.query.get("resourceVersionMatch") === "Exact";
  const wanted = token === undefined ? (exact ? asked : undefined) : token.version;
  const now = store.list(call.resource.id, scopeOf(call));
  if (wanted === undefined || wanted < 0) return { objects: now, version: store.version };
  const since = store.since(wanted);
  if (since === undefined) throw tooOld(token);
  return { objects: asItWas(store, call, wanted), version: wanted };
}

/** What is there now, with the changes since then taken back. */
function asItWas(store: Store, call: Call, version: number): readonly KubeObject[] {
  const scope = scopeOf(call);
  const then = new Map(store.list(call.resource.id, scope).map((one) => [keyOf(one), one]));
  for (const change of (store.since(version) ?? []).toReversed()) {
    if (change.key.resource !== call.resource.id) continue;
    if (scope !== undefined && change.key.namespace !== scope) continue;
    if (change.before === undefined) then.delete(keyOf(change.object));
    else then.set(keyOf(change.before), change.before);
  }
  return [...then.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf(object: KubeObject): string {
  return `${textAt(object, "metadata", "namespace") ?? ""}/${object.metadata.name}`;
}

/** A server waits three seconds for a version that it has not seen. */
const versionWaitMs = 3000;

async function awaitVersion(store: Store, asked: number | undefined): Promise<void> {
  if (asked === undefined || asked <= store.version) return;
  await new Promise((done) => setTimeout(done, versionWaitMs));
  if (asked <= store.version) return;
  const text = `Timeout: Too large resource version: ${asked}, current: ${store.version}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  throw new StatusError(504, "Timeout", text, { causes, retryAfterSeconds: 1 });
}

function tokenOf(token: Token): string {
  const plain = { v: "meta.k8s.io/v1", rv: token.version, start: `${token.start}\u0000` };
  return Buffer.from(JSON.stringify(plain)).toString("base64url");
}

function tokenIn(text: string | null): Token | undefined {
  if (text === null || text === "") return undefined;
  try {
    const plain = parseJson(Buffer.from(text, "base64url").toString("utf8"));
    const start = textAt(plain, "start");
    const version = numberAt(plain, "rv");
    if (at(plain, "v") === "meta.k8s.io/v1" && start !== undefined && version !== undefined) {
      const path = start.replaceAll("\u0000", "");
      return { version, start: path };
    }
  } catch {
    // Falls through: it is none of ours.
  }
  throw badRequest(`invalid continue token: continue key is not valid: ${unreadable(text)}`);
}

/** As that server's reader of JSON says it. */
function unreadable(text: string): string {
  const first = Buffer.from(text, "base64url")[0] ?? 0;
  const code = first.toString(16).padStart(4, "0");
  const shown = first > 31 && first < 127 ? String.fromCharCode(first) : `\\u${code}`;
  return `invalid character '${shown}' looking for beginning of value`;
}

const goOn = [
  "The provided continue parameter is too old to display a consistent list result.",
  "You can start a new list without the continue parameter, or use the continue token in this response to",
  "retrieve the remainder of the results.",
  "Continuing with the provided token results in an inconsistent list -",
  "objects that were created, modified, or deleted between the time the first chunk was returned and now may",
  "show up in the list.",
].join(" ");

function tooOld(token: Token | undefined): StatusError {
  const text = token === undefined ? "The resourceVersion for the provided list is too old." : goOn;
  const next = token && { continue: tokenOf({ version: -1, start: token.start }) };
  return new StatusError(410, "Expired", text, undefined, next ?? {});
}
