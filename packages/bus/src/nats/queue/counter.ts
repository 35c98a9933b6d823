/** Where workers, who may make no consumer, ask for the one of their subject: an owner makes it. */
import { type Subject, isSubject, parseTaskSubject } from "@agentflow/protocol";
import type { Msg } from "@nats-io/transport-node";
import type { Link } from "../link.ts";
import { natsLimits } from "../limits.ts";
import { makeSubject } from "../names.ts";
import { type ConsumerFacts, text, writeCounterAnswer } from "../parse-answers.ts";

/** Of all owners one hears each request. */
const group = "af";

/**
 * The tenant is the subject's: a body that names another's queue is not answered. Whoever asks is told of
 * the consumer once it is there, else nothing, and asks again.
 */
export function serveCounter(link: Link, make: (subject: Subject) => Promise<ConsumerFacts>): void {
  const made = new Map<string, Set<string>>();
  link.nc.subscribe(makeSubject("*"), {
    queue: group,
    callback: (error, request) => {
      const subject = error === null ? wanted(request) : undefined;
      if (subject === undefined) return;
      const tenant = request.subject.slice(makeSubject("").length);
      const subjectsMade = made.get(tenant) ?? new Set();
      if (!subjectsMade.has(subject) && subjectsMade.size >= natsLimits.consumersPerTenantMax) return;
      made.set(tenant, subjectsMade.add(subject));
      make(subject).then(
        (facts) => link.send(request.reply ?? "", writeCounterAnswer(facts)),
        () => undefined,
      );
    },
  });
}

function wanted(request: Msg): Subject | undefined {
  const subject = text(request.data);
  const parsed = isSubject(subject) ? parseTaskSubject(subject) : undefined;
  const isOwn = parsed !== undefined && makeSubject(parsed.tenant) === request.subject;
  // An answer goes to an inbox, never where its asker might not publish himself.
  return isOwn && isSubject(subject) && request.reply?.startsWith("_") === true ? subject : undefined;
}
