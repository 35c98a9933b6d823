/**
 * What a cluster shows of a release, kept up to date: listed once, then watched. It asks no more than one
 * question a kind every half minute, and sees a change when the cluster tells it.
 */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { patience, type Pace } from "../pace.ts";
import type { Access, Change } from "./access.ts";
import { kindOf, numberAt, textAt, titleOf } from "./reading.ts";
import { lookedAt, queryOf, type Seen, seenOf } from "./seen.ts";

export interface Viewing {
  readonly access: Access;
  /** Labels that all of the release's objects have. */
  readonly selector: string;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Said once for each kind that can be listed and not watched. */
  readonly onPolling: (kind: string) => void;
  readonly limits?: Partial<Record<keyof typeof viewLimits, number>>;
}

export const viewLimits = {
  /** The cluster ends a watch after so long. */
  watchSeconds: 15,
  /** And if it does not, nobody is there any more, or something in between keeps its words back. */
  silentMs: 20_000,
  /** Between two questions where watching is not allowed or tells nothing. */
  pollMs: 1_000,
  /** Before the next watch. One that ended sooner than `pollMs` waits that long. */
  againMs: 250,
} as const;

/** Opened by a first look at everything. Watches begin when somebody waits for a change. */
export async function openView(viewing: Viewing): Promise<ReleaseView> {
  const view = new ReleaseView(viewing);
  await view.refresh();
  return view;
}

export class ReleaseView {
  readonly #viewing: Viewing;
  readonly #kinds: ReadonlyMap<string, KindView>;
  readonly #closed = new AbortController();
  #changed = new AbortController();
  #failed: AgentFlowError | undefined;
  #watching: readonly Promise<void>[] = [];

  constructor(viewing: Viewing) {
    this.#viewing = viewing;
    this.#kinds = new Map(lookedAt.map((of) => [of.kind, new KindView(viewing, of)]));
  }

  seen(): Seen {
    return seenOf((kind) => this.#kinds.get(kind)?.objects() ?? []);
  }

  /** Everything anew, for who must be sure. */
  async refresh(): Promise<Seen> {
    await Promise.all([...this.#kinds.values()].map(async (kind) => kind.list()));
    return this.seen();
  }

  /** What a write answered: no older state of that object is shown from now on. */
  wrote(object: JsonObject): void {
    this.#kinds.get(kindOf(object))?.wrote(object);
  }

  /** Resolves when something has changed, or after so long. Throws when the cluster cannot be asked. */
  async change(withinMs: number): Promise<void> {
    const { pace, signal } = this.#viewing;
    this.#watch();
    const woken = AbortSignal.any([signal, this.#changed.signal]);
    await pace.wait(withinMs, woken).catch(() => undefined);
    signal.throwIfAborted();
    if (this.#failed !== undefined) throw this.#failed;
    if (this.#changed.signal.aborted) this.#changed = new AbortController();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#watching);
  }

  #watch(): void {
    if (this.#watching.length > 0) return;
    const signal = AbortSignal.any([this.#viewing.signal, this.#closed.signal]);
    const onChange = (): void => {
      this.#changed.abort();
    };
    this.#watching = [...this.#kinds.values()].map(async (kind) =>
      kind.follow(signal, onChange).catch((error: unknown) => {
        if (signal.aborted) return;
        this.#failed = AgentFlowError.from(error, "watching the cluster");
        onChange();
      }),
    );
  }
}

interface Written {
  readonly uid: string;
  readonly generation: number;
}

type Ended = "orderly" | "broken" | "useless";

class KindView {
  readonly #viewing: Viewing;
  readonly #of: (typeof lookedAt)[number];
  readonly #query: Readonly<Record<string, string>>;
  readonly #limits: Record<keyof typeof viewLimits, number>;
  /** By their title. */
  #objects = new Map<string, JsonObject>();
  readonly #written = new Map<string, Written>();
  #version = "";

  constructor(viewing: Viewing, of: (typeof lookedAt)[number]) {
    this.#viewing = viewing;
    this.#of = of;
    this.#query = queryOf(of.kind, viewing.selector);
    this.#limits = { ...viewLimits, ...viewing.limits };
  }

  objects(): readonly JsonObject[] {
    return [...this.#objects].flatMap(([title, object]) => (this.#written.has(title) ? [] : [object]));
  }

  wrote(object: JsonObject): void {
    const written = writtenOf(object);
    const title = titleOf(object);
    const shown = this.#objects.get(title);
    if (shown === undefined || !isOf(shown, written)) this.#written.set(title, written);
  }

  async list(): Promise<void> {
    // What is written while the list is under way may not be in it.
    const before = [...this.#written.keys()];
    const { items, version } = await this.#viewing.access.listed(this.#of, this.#query);
    this.#objects = new Map(items.map((one) => [titleOf(one), one]));
    this.#version = version;
    for (const title of before) this.#written.delete(title);
  }

  /** Until the signal; throws when the cluster cannot even be listed. */
  async follow(signal: AbortSignal, onChange: () => void): Promise<void> {
    const { pace, onPolling } = this.#viewing;
    const { pollMs, againMs } = this.#limits;
    for (let isPolled = false; !signal.aborted; ) {
      const startedMs = pace.nowMs();
      const ended: Ended | "polled" = isPolled ? "polled" : await this.#watchOnce(signal, onChange);
      if (isAborted(signal)) return;
      if (ended === "useless") onPolling(this.#of.kind);
      isPolled = isPolled || ended === "useless";
      const isShort = pace.nowMs() - startedMs < pollMs;
      await pace.wait(isPolled || isShort ? pollMs : againMs, signal).catch(() => undefined);
      if (isAborted(signal) || ended === "orderly") continue;
      await this.list();
      onChange();
    }
  }

  /** After an orderly end the next watch goes on where this one was; else it is listed first. */
  async #watchOnce(signal: AbortSignal, onChange: () => void): Promise<Ended> {
    const query = {
      ...this.#query,
      resourceVersion: this.#version,
      allowWatchBookmarks: "true",
      timeoutSeconds: String(this.#limits.watchSeconds),
    };
    const silent = patience(this.#limits.silentMs);
    const until = AbortSignal.any([signal, silent]);
    try {
      for await (const change of this.#viewing.access.changes(this.#of, { query, signal: until })) {
        this.#take(change);
        if (change.type !== "BOOKMARK") onChange();
      }
      return "orderly";
    } catch (error) {
      const isRefused = AgentFlowError.is(error) && mayNotWatch.has(error.code);
      return isRefused || silent.aborted ? "useless" : "broken";
    }
  }

  #take({ type, object, version }: Change): void {
    if (version !== "") this.#version = version;
    if (type === "BOOKMARK") return;
    const title = titleOf(object);
    const written = this.#written.get(title);
    if (written !== undefined && isOf(object, written)) this.#written.delete(title);
    if (type === "DELETED") this.#objects.delete(title);
    else this.#objects.set(title, object);
  }
}

/** The verb is another right than `list`; a proxy in between may know no streams. */
const mayNotWatch: ReadonlySet<string> = new Set(["forbidden", "refused", "not_found"]);

function writtenOf(object: JsonObject): Written {
  return {
    uid: textAt(object, "metadata", "uid"),
    generation: numberAt(object, "metadata", "generation"),
  };
}

/** As that write left it, or later. */
function isOf(object: JsonObject, { uid, generation }: Written): boolean {
  const shown = writtenOf(object);
  return shown.uid === uid && shown.generation >= generation;
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
