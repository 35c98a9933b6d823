/** Looks at an installation on NATS, by the identity of a control plane: it reads, and makes nothing. */
import { api, directLast } from "../api.ts";
import { connectNats } from "../connect.ts";
import { illnessOf, syncOf } from "../durability.ts";
import { Link } from "../link.ts";
import { layoutSubject, streamNames } from "../names.ts";
import type { NatsOptions } from "../options.ts";
import { parseLayout, text } from "../parse-answers.ts";
import { type StreamConfig, Streams } from "../streams.ts";
import { parseConsumerReports, parseServerTime, parseStorage, parseStreamReport } from "./parse-health.ts";
import type { ConsumerReport, NatsReport, StreamReport } from "./report.ts";

type Examine = Omit<NatsOptions, "role" | "logs" | "replicas" | "archiver">;

/** Throws what connecting throws, and `forbidden` for an identity that may not look at streams. */
export async function examineNats(options: Examine): Promise<NatsReport> {
  const inboxPrefix = options.inboxPrefix ?? "_INBOX.af";
  const nc = await connectNats({ ...options, role: "worker" }, inboxPrefix);
  const link = new Link(nc, inboxPrefix);
  try {
    const made = await layoutOf(link);
    const { lanes, replicas } = made ?? { lanes: 1, replicas: 1 };
    const expected = new Streams(link, { ...options, role: "owner", replicas }).expected(lanes);
    const clock = await clockOf(link);
    const storage = parseStorage((await ask(link, "INFO")) ?? {});
    const streams: StreamReport[] = [];
    for (const config of expected) streams.push(await streamOf(link, config));
    const dead = streams.find(({ name }) => name === streamNames.dead);
    return {
      version: nc.info?.version ?? "unknown",
      clock,
      sync: await syncOf(options.monitor),
      replicas,
      logs: made?.lanes,
      ill: await illnessOf(options.monitor),
      storage,
      streams,
      consumers: await consumersOf(link),
      deadLetters: dead?.kind === "there" ? dead.messages : 0,
    };
  } finally {
    await link.close();
  }
}

async function layoutOf(link: Link) {
  const kept = await directLast(link, streamNames.table, layoutSubject).catch(() => undefined);
  return kept === undefined ? undefined : parseLayout(text(kept.data));
}

/** The server writes its time into some answers; when it was asked and answered is known here. */
async function clockOf(link: Link): Promise<NatsReport["clock"]> {
  const [from, fromMs] = [Date.now(), performance.now()];
  const answer = (await ask(link, `STREAM.INFO.${streamNames.table}`)) ?? {};
  const roundTripMs = performance.now() - fromMs;
  const there = parseServerTime(answer);
  const middle = from + roundTripMs / 2;
  return { aheadMs: there === undefined ? 0 : Math.round(there - middle), roundTripMs };
}

async function streamOf(link: Link, config: StreamConfig): Promise<StreamReport> {
  const answer = await ask(link, `STREAM.INFO.${config.name}`);
  return answer === undefined ? { kind: "missing", name: config.name } : parseStreamReport(answer, config);
}

async function consumersOf(link: Link): Promise<ConsumerReport[]> {
  const found: ConsumerReport[] = [];
  for (;;) {
    const call = {
      verb: `CONSUMER.LIST.${streamNames.task}`,
      body: { offset: found.length },
      doing: "looking",
    };
    const page = parseConsumerReports((await api(link, call, "noStream")) ?? {});
    found.push(...page.consumers);
    if (page.consumers.length === 0 || found.length >= page.total) return found;
  }
}

function ask(link: Link, verb: string) {
  return api(link, { verb, doing: "looking at NATS" }, "noStream");
}
