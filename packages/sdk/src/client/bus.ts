/** What lies on the bus and what comes over it, for people who look for a fault. */
import type { BusPeek, DeadPage, PeekKind, RedriveAnswer, RedriveBody } from "@agentflow/protocol";
import { type FollowOptions, followStream } from "./follow.ts";
import { busTailItem, type Followed } from "./parse-answer.ts";
import type { TailItem } from "./queries.ts";
import { queryText } from "./query-text.ts";
import type { Transport } from "./transport.ts";

export interface PeekBus {
  readonly kind: PeekKind;
  /** Of another tenant: for the scope `operator`. */
  readonly tenant?: string;
  readonly pool?: string;
  readonly run?: string;
  readonly step?: string;
  readonly shard?: string;
  readonly prefix?: string;
  readonly limit?: number;
  /** Bodies are cut at so many. */
  readonly characters?: number;
}

export interface ListDead {
  readonly tenant?: string;
  readonly pool?: string;
  readonly run?: string;
  /** Part of why they were buried. */
  readonly reason?: string;
  readonly limit?: number;
}

export interface TailBus {
  /** `commits`, `journals`, `tasks`, `inputs`, `telemetry`, `dead`, with commas between them. */
  readonly kinds?: string;
  readonly tenant?: string;
  readonly pool?: string;
  readonly run?: string;
  readonly characters?: number;
}

export interface BusClient {
  /** Read-only, in bounds. */
  peek(query: PeekBus): Promise<BusPeek>;
  /** Newest first, one a task, with how the task stands now. */
  dead(query?: ListDead): Promise<DeadPage>;
  /** Open tasks of dead letters are sent again; twice is harmless. */
  redrive(body: RedriveBody): Promise<RedriveAnswer>;
  /** From now on, until the signal aborts; a lost connection is made again (`onLost`), without a place. */
  tail(query?: TailBus, options?: Pick<FollowOptions, "signal"> & TailOptions): AsyncIterable<TailItem>;
}

export interface TailOptions {
  readonly onLost?: (error: unknown, waitMs: number) => void;
}

interface Asking {
  readonly transport: Transport;
  readonly giveUpAfterMs: number;
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

export function busOf({ transport, giveUpAfterMs, get, post }: Asking): BusClient {
  return {
    peek: (query) => get(`/v1/bus/peek${queryText({ ...query })}`),
    dead: (query = {}) => get(`/v1/bus/dead${queryText({ ...query })}`),
    redrive: (body) => post("/v1/bus/dead/redrive", body),
    async *tail(query = {}, options = {}) {
      const path = `/v1/bus/tail${queryText({ ...query })}`;
      const messages: AsyncIterable<Followed<unknown>> = followStream({
        transport,
        path,
        giveUpAfterMs,
        ...options,
      });
      for await (const message of messages) {
        const item = busTailItem(message);
        if (item !== undefined) yield item;
      }
    },
  };
}
