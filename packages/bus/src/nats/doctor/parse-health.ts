/** What the server says of how it is, as far as it says it. */
import { type ConsumerFacts, parseConsumerInfo, record } from "../parse-answers.ts";
import type { ConsumerReport, StreamReport, Used } from "./report.ts";

type Json = { readonly [key: string]: unknown };

/** The server's own clock at the moment of its answer, Unix milliseconds. */
export function parseServerTime(answer: Json): number | undefined {
  const { ts } = answer;
  const at = typeof ts === "string" ? Date.parse(ts) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

export function parseStorage(answer: Json): { readonly memory: Used; readonly file: Used } {
  const limits = record(answer["limits"] ?? {});
  return {
    memory: { used: count(answer["memory"]), limit: limit(limits["max_memory"]) },
    file: { used: count(answer["storage"]), limit: limit(limits["max_storage"]) },
  };
}

/** What a stream is where we say nothing: each of these, changed by hand, would lose or copy records. */
const unlessMade: Json = {
  max_age: 0,
  max_msgs: -1,
  max_bytes: -1,
  max_msgs_per_subject: -1,
  deny_delete: false,
  deny_purge: false,
  allow_rollup_hdrs: false,
  allow_msg_ttl: false,
  sealed: false,
  no_ack: false,
  discard_new_per_subject: false,
  mirror: null,
  sources: null,
  republish: null,
  subject_transform: null,
};

/** A stream against how it is made: the server adds much of its own, which is not compared. */
export function parseStreamReport(answer: Json, made: Json & { readonly name: string }): StreamReport {
  const [config, state] = [record(answer["config"]), record(answer["state"])];
  const differs = Object.entries({ ...unlessMade, ...made }).flatMap(([key, value]) => {
    // Written by whoever made it: the number of logs and a digest.
    if (key === "metadata") return [];
    const is = JSON.stringify(config[key] ?? unlessMade[key] ?? null);
    const wanted = JSON.stringify(value);
    return is === wanted ? [] : [`${key}: ${cut(is)}, not ${cut(wanted)}`];
  });
  return {
    kind: "there",
    name: made.name,
    differs,
    messages: count(state["messages"]),
    messagesMax: limit(config["max_msgs"]),
    bytes: count(state["bytes"]),
    bytesMax: limit(config["max_bytes"]),
    behind: behind(record(answer["cluster"] ?? {})),
  };
}

export function parseConsumerReports(answer: Json): {
  readonly consumers: readonly ConsumerReport[];
  readonly total: number;
} {
  const list = Array.isArray(answer["consumers"]) ? answer["consumers"] : [];
  const consumers = list.map((one) => {
    const info = record(one);
    const { name, filter, waiting, leased }: ConsumerFacts = parseConsumerInfo(info);
    const subject = filter.replace(/\.\*$/, "");
    return { name, subject, waiting, leased, redelivered: count(info["num_redelivered"]) };
  });
  return { consumers, total: count(answer["total"]) };
}

function behind(cluster: Json): string[] {
  const replicas = Array.isArray(cluster["replicas"]) ? cluster["replicas"] : [];
  return replicas.flatMap((one) => {
    const replica = record(one);
    return replica["current"] === true && replica["offline"] !== true ? [] : [String(replica["name"])];
  });
}

function cut(text: string): string {
  return text.slice(0, 60);
}

function count(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function limit(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
