/** Consumers of the work queue: one for each task subject, shared by all who take from it. */
import type { Subject } from "@agentflow/protocol";
import { api, tryApi } from "../api.ts";
import { fromApi, isApiError } from "../errors.ts";
import type { Link } from "../link.ts";
import { natsLimits } from "../limits.ts";
import { streamNames, taskConsumer } from "../names.ts";
import { type ConsumerFacts, parseConsumerInfo, parseConsumerPage } from "../parse-answers.ts";

const day = 24 * 60 * 60 * 1e9;
const stream = streamNames.task;

/**
 * How much longer than its holder the server believes in a lease: the holder gives up first, so that what
 * it says late is never said at all.
 */
export function graceMs(leaseMs: number): number {
  return Math.min(2_000, 50 + leaseMs / 10);
}

/** The consumer of a subject; made when there is none. */
export async function ensureConsumer(link: Link, subject: Subject): Promise<ConsumerFacts> {
  const name = taskConsumer(subject);
  const filter = `${subject}.*`;
  const config = {
    durable_name: name,
    name,
    filter_subject: filter,
    deliver_policy: "all",
    ack_policy: "explicit",
    ack_wait: (natsLimits.leaseMs + graceMs(natsLimits.leaseMs)) * 1e6,
    // What ends a task that is handed out again and again is our own guard, which leaves a dead letter.
    max_deliver: -1,
    max_ack_pending: -1,
    max_waiting: 10_000,
    inactive_threshold: natsLimits.idleConsumerDays * day,
  };
  const doing = `making the queue of ${subject}`;
  const body = { stream_name: stream, config, action: "create" };
  const made = await tryApi(link, { verb: `CONSUMER.CREATE.${stream}.${name}.${filter}`, body, doing });
  if (made.ok) return parseConsumerInfo(made.value);
  if (!isApiError(made.error, "consumerExists")) throw fromApi(made.error, doing);
  return parseConsumerInfo((await api(link, { verb: `CONSUMER.INFO.${stream}.${name}`, doing })) ?? {});
}

export async function allConsumers(link: Link): Promise<readonly ConsumerFacts[]> {
  const found: ConsumerFacts[] = [];
  for (;;) {
    const body = { offset: found.length };
    const call = { verb: `CONSUMER.LIST.${stream}`, body, doing: "counting tasks" };
    const page = parseConsumerPage((await api(link, call, "noStream")) ?? {});
    found.push(...page.consumers);
    if (page.consumers.length === 0 || found.length >= page.total) return found;
  }
}
