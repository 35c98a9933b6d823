/** An owner does for workers what they may not do themselves, and only for their own tenant. */
import {
  AgentFlowError,
  parseLogSubject,
  parseTaskSubject,
  type Subject,
  toErrorBody,
} from "@agentflow/protocol";
import type { Msg } from "@nats-io/transport-node";
import type { Log, Table } from "../../port/index.ts";
import type { Link } from "../link.ts";
import { natsLimits } from "../limits.ts";
import { askSubject, errorHeader, isInbox } from "../names.ts";
import type { TurnedAway } from "../options.ts";
import { type ConsumerFacts, text } from "../parse-answers.ts";
import { RawHeaders } from "../raw-headers.ts";
import { parseQuestion, type Question, writeConsumer, writePage } from "./parse-question.ts";

export interface Behind {
  readonly link: Link;
  readonly table: Table;
  readonly log: Log;
  readonly consumer: (subject: Subject) => Promise<ConsumerFacts>;
  /** Told of each question that was refused. */
  readonly tell: (turned: TurnedAway) => void;
}

/** Of all owners one hears each question. */
const group = "af";
const aboutMax = 200;

/**
 * The tenant is the subject's: a question about another's is refused, whatever it asks. Gives back how to
 * shut it: whoever was heard is answered, who comes later asks somebody else or hears that none is there.
 */
export function serveDoor(behind: Behind): () => Promise<void> {
  const made = new Map<string, Set<string>>();
  const answering = new Set<Promise<void>>();
  const { link } = behind;
  const take = (asked: Asked): void => {
    const answered = reply(behind, asked).finally(() => answering.delete(answered));
    answering.add(answered);
  };
  const subscription = link.nc.subscribe(askSubject("*"), {
    queue: group,
    callback: (error, request) => {
      if (error !== null) return;
      // An answer goes to an inbox, never where its asker might not publish himself.
      if (isInbox(request.reply ?? "")) take({ request, made });
      else if (request.reply) behind.tell(elsewhere(request.subject, request.reply));
    },
  });
  return async () => {
    await subscription.drain().catch(() => undefined);
    await Promise.all(answering);
  };
}

/** Of a request whose answer would go to a subject that is no inbox. */
export function elsewhere(subject: string, reply: string): TurnedAway {
  const about = reply.slice(0, aboutMax);
  return { tenant: subject.split(".").at(-1), asked: "answer", about, reason: "answer_elsewhere" };
}

interface Asked {
  readonly request: Msg;
  readonly made: Map<string, Set<string>>;
}

async function reply(behind: Behind, asked: Asked): Promise<void> {
  const to = asked.request.reply ?? "";
  try {
    behind.link.send(to, await answer(behind, asked));
  } catch (cause) {
    const body = JSON.stringify(toErrorBody(AgentFlowError.from(cause, "answering a worker")));
    behind.link.send(to, body, { headers: new RawHeaders(`${errorHeader}: 1\r\n`) });
  }
}

async function answer(behind: Behind, of: Asked): Promise<string> {
  const tenant = of.request.subject.slice(askSubject("").length);
  const question = parseQuestion(text(of.request.data));
  const turnAway = (error: AgentFlowError, asked = "unknown", about = ""): AgentFlowError => {
    behind.tell({ tenant, asked, about: about.slice(0, aboutMax), reason: error.reason });
    return error;
  };
  if (question === undefined) throw turnAway(unknown());
  const refused = refusalOf(question, { tenant, made: of.made });
  if (refused !== undefined) {
    throw turnAway(refused, question.kind, "key" in question ? question.key : question.subject);
  }
  switch (question.kind) {
    case "consumer":
      return writeConsumer(await behind.consumer(question.subject));
    case "put":
      return JSON.stringify(await behind.table.put(question.key, question.value, question));
    case "delete":
      return JSON.stringify(await behind.table.delete(question.key, question));
    default:
      return page(behind.log, question);
  }
}

/** A worker's own: the queues of its tenant, the rows in which workers tell of themselves, their journals. */
function isOwn(question: Question, tenant: string): boolean {
  switch (question.kind) {
    case "consumer":
      return parseTaskSubject(question.subject)?.tenant === tenant;
    case "read": {
      const parsed = parseLogSubject(question.subject);
      return parsed?.kind === "turn" && parsed.tenant === tenant;
    }
    default:
      return question.key.startsWith(`worker.${tenant}.`);
  }
}

function unknown(): AgentFlowError {
  const message = "a question that this owner does not know";
  return new AgentFlowError("invalid_input", message, { reason: "unknown_question" });
}

function refusalOf(
  question: Question,
  { tenant, made }: { tenant: string; made: Map<string, Set<string>> },
): AgentFlowError | undefined {
  if (!isOwn(question, tenant)) {
    const message = `a worker of ${tenant} asks for what is not its own`;
    return new AgentFlowError("forbidden", message, { reason: "tenant_mismatch" });
  }
  if (question.kind !== "consumer") return undefined;
  // Names cost the server memory: nobody makes them without end.
  const known = made.get(tenant) ?? new Set();
  if (!known.has(question.subject) && known.size >= natsLimits.consumersPerTenantMax) {
    const message = `the workers of ${tenant} asked for more than ${known.size} queues`;
    return new AgentFlowError("limit_exceeded", message, { reason: "too_many_queues" });
  }
  made.set(tenant, known.add(question.subject));
  return undefined;
}

async function page(log: Log, { subject, after, limit }: Extract<Question, { kind: "read" }>) {
  const most = Math.min(Math.max(limit, 1), natsLimits.readBatch);
  const found = await log.read(subject, { after, limit: most });
  let size = 0;
  // The first always: a record alone fits into a message.
  const fitting = found.filter(({ body }, n) => (size += body.length) < natsLimits.pageChars || n === 0);
  return writePage(fitting, fitting.length < found.length || found.length === most);
}
