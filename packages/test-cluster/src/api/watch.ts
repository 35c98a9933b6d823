/** Watches: what is there, then each change as it comes, bookmarks between. */
import { withMetadata } from "../json.ts";
import type { Json, JsonObject, KubeObject } from "../object.ts";
import type { ObjectEvent, Store } from "../store.ts";
import { type Call, isTrue, wholeNumber } from "./call.ts";
import { scopeOf, selected, versionIn } from "./list.ts";
import { type Form, formOf, oneOf, tableOf } from "./represent.ts";
import { apiVersionOf } from "./resources.ts";
import type { Matches } from "./selectors.ts";
import { invalid, StatusError } from "./status.ts";

export interface Watching {
  /** Lines of JSON, each one event. */
  send(line: string): void;
  end(): void;
}

/** How often a bookmark comes where a client wants them. */
export const bookmarkEverySeconds = 60;
/** A last bookmark so long before the end, or when so much of a short time has passed. */
const lastBookmarkMs = 2000;
const lastBookmarkShare = 0.7;
/** When the client names no time, as a real server does, which ends them after 30 to 60 minutes. */
const defaultTimeoutS = 1800;

/** Throws before anything was sent; afterwards answers with what ends the watch from this side. */
export function watchFor(
  store: Store,
  call: Call,
  bookmarkSeconds: number,
  begin: () => Watching,
): () => void {
  const form = formOf(call.accept);
  const matches = selected(call);
  const initial = isTrue(call.query.get("sendInitialEvents") ?? "false");
  if (initial && call.query.get("resourceVersionMatch") !== "NotOlderThan") throw noMatchNamed();
  const from = versionIn(call.query.get("resourceVersion"), (message) => new StatusError(500, "", message));
  const timeoutS = wholeNumber(call.query, "timeoutSeconds") ?? defaultTimeoutS;
  return new Watch(store, call, { form, matches, initial, from, timeoutS, bookmarkSeconds }, begin()).stop;
}

interface Options {
  readonly form: Form;
  readonly matches: Matches;
  readonly initial: boolean;
  readonly from: number | undefined;
  readonly timeoutS: number;
  readonly bookmarkSeconds: number;
}

class Watch {
  readonly #call: Call;
  readonly #options: Options;
  readonly #out: Watching;
  readonly #store: Store;
  readonly #timers: NodeJS.Timeout[] = [];
  #columnsSent = false;
  #unsubscribe: (() => void) | undefined;

  constructor(store: Store, call: Call, options: Options, out: Watching) {
    this.#store = store;
    this.#call = call;
    this.#options = options;
    this.#out = out;
    if (this.#sendPast()) this.#follow();
  }

  stop = (): void => {
    this.#unsubscribe?.();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#out.end();
  };

  /** False when the version asked for is forgotten. */
  #sendPast(): boolean {
    const { from, initial, matches } = this.#options;
    if (initial || from === undefined || from === 0) {
      for (const object of this.#store.list(this.#call.resource.id, scopeOf(this.#call))) {
        if (matches(object)) this.#send("ADDED", object);
      }
      if (initial && isTrue(this.#call.query.get("allowWatchBookmarks") ?? "false")) {
        this.#bookmark({ annotations: { "k8s.io/initial-events-end": "true" } });
      }
      return true;
    }
    const past = this.#store.since(from);
    if (past === undefined) {
      const text = `too old resource version: ${from} (${this.#store.version})`;
      this.#line("ERROR", new StatusError(410, "Expired", text).body());
      this.#out.end();
      return false;
    }
    for (const event of past) this.#tell(event);
    return true;
  }

  #follow(): void {
    const { timeoutS, bookmarkSeconds } = this.#options;
    this.#unsubscribe = this.#store.subscribe((event) => this.#tell(event));
    this.#timers.push(setTimeout(this.stop, timeoutS * 1000));
    if (!isTrue(this.#call.query.get("allowWatchBookmarks") ?? "false")) return;
    this.#timers.push(setInterval(() => this.#bookmark({}), bookmarkSeconds * 1000));
    const last = Math.max(timeoutS * 1000 - lastBookmarkMs, timeoutS * 1000 * lastBookmarkShare);
    this.#timers.push(setTimeout(() => this.#bookmark({}), last));
  }

  #tell(event: ObjectEvent): void {
    const scope = scopeOf(this.#call);
    const { from = 0, matches } = this.#options;
    if (event.key.resource !== this.#call.resource.id || event.version <= from) return;
    if (scope !== undefined && event.key.namespace !== scope) return;
    const before = event.before !== undefined && matches(event.before);
    const now = event.type !== "DELETED" && matches(event.object);
    if (now) this.#send(before ? "MODIFIED" : "ADDED", event.object);
    else if (before && event.before !== undefined) {
      // As it was when it last matched, with the version of the change that ended that.
      const resourceVersion = String(event.version);
      this.#send("DELETED", withMetadata(event.before, { resourceVersion }));
    }
  }

  #send(type: string, object: KubeObject | JsonObject): void {
    const { form } = this.#options;
    if (form !== "table") return this.#line(type, oneOf(this.#call.resource, form, object));
    this.#line(type, tableOf(this.#call.resource, {}, [object], !this.#columnsSent));
    this.#columnsSent = true;
  }

  #bookmark(metadata: JsonObject): void {
    const { kind } = this.#call.resource;
    const version = { resourceVersion: String(this.#store.version), ...metadata };
    const object = { kind, apiVersion: apiVersionOf(this.#call.resource), metadata: version };
    this.#line("BOOKMARK", object);
  }

  #line(type: string, object: Json): void {
    this.#out.send(`${JSON.stringify({ type, object })}\n`);
  }
}

function noMatchNamed(): StatusError {
  const message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
  const cause = { reason: "FieldValueForbidden", message, field: "resourceVersionMatch" };
  return invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", [cause]);
}
