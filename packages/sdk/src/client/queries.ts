/** What the client is asked with. */
import type { BusTailItem, TelemetryPage } from "@agentflow/protocol";

export interface TelemetryQuery {
  /** Both when left out. */
  readonly kind?: "log" | "span";
  readonly run?: string;
  /** Names with commas between them. */
  readonly source?: string;
  /** This level and above. */
  readonly level?: string;
  readonly since?: string;
  readonly until?: string;
  /** Plain text that the message holds, letter case ignored. */
  readonly grep?: string;
  /**
   * Regular expressions that the message must match, and must not; those that need to go back are
   * refused.
   */
  readonly match?: string;
  readonly exclude?: string;
  /** Lines of this agent, of this tool; of both where both are named. */
  readonly agent?: string;
  readonly tool?: string;
  /** Only of processes that another of the same name came after, the newest such of each name. */
  readonly previous?: boolean;
  readonly after?: string;
  readonly limit?: number;
  /** The newest `limit` records that match, instead of the oldest behind `after`. */
  readonly newest?: boolean;
}

export type TelemetryRecord = TelemetryPage["records"][number];

/** With `events`, starts and ends of runs stand between the records, or all events. */
export interface StreamQuery extends Omit<TelemetryQuery, "limit" | "newest"> {
  readonly events?: "runs" | "all";
  /**
   * Events behind this revision, as a list of runs gave it, for who has no cursor of events. Where the list
   * gives a `place` too, that goes into `after` instead, behind the cursor of records: `<records>~<place>`.
   */
  readonly eventsBehind?: number;
  /** Records that come together are one item, `records`: for who reads thousands a second. */
  readonly batch?: boolean;
}

export interface StreamOptions {
  readonly signal?: AbortSignal;
  readonly onLost?: (error: unknown, waitMs: number) => void;
  /** The server began to answer, the first time and after each loss. */
  readonly onConnected?: () => void;
}

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly string[];
  /** Another tenant than the caller's own: that needs the scope `tenants`. */
  readonly tenant?: string;
  /** RFC 3339; without it the key works until it is revoked. */
  readonly expiresAt?: string;
}

export interface KeyView extends NewKey {
  readonly id: string;
  readonly tenant: string;
  readonly createdAt: string;
}

export interface AuditQuery {
  /** The installation's own trail, where refusals are: for the scope `operator`. */
  readonly installation?: boolean;
  /** Behind this one, as `next` of a page said it. */
  readonly after?: number;
  readonly limit?: number;
}

export interface AuditPage {
  readonly records: readonly AuditItem[];
  /** Absent on the last page. */
  readonly next?: number;
}

export interface AuditItem {
  readonly at: string;
  readonly by: string;
  readonly did: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly to?: string;
  readonly worker?: string;
  /** As a model wrote it. */
  readonly tool?: string;
  readonly tenant?: string;
  readonly leftOut?: number;
}

export interface JournalQuery {
  /** A step instance; all steps when left out. */
  readonly step?: string;
  readonly after?: string;
  readonly limit?: number;
}

/** Of a tail of the bus; `missed`: so many were left out because its reader was behind. */
export type TailItem =
  | { readonly event: "item"; readonly item: BusTailItem }
  | { readonly event: "missed"; readonly count: number };
