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
import { type ConsumerFacts, text } from "../parse-answers.ts";
import { RawHeaders } from "../raw-headers.ts";
import { parseQuestion, type Question, writeConsumer, writePage } from "./parse-question.ts";

export interface Behind {
  readonly link: Link;
  readonly table: Table;
  readonly log: Log;
  readonly consumer: (subject: Subject) => Promise<ConsumerFacts>;
}

/** Of all owners one hears each question. */
const group = "af";

/** The tenant is the subject's: a question about another's is refused, whatever it asks. */
export function serveDoor(behind: Behind): void {
  const made = new Map<string, Set<string>>();
  const { link } = behind;
  link.nc.subscribe(askSubject("*"), {
    queue: group,
    callback: (error, request) => {
      // An answer goes to an inbox, never where its asker might not publish himself.
      if (error !== null || !isInbox(request.reply ?? "")) return;
      void reply(behind, { request, made });
    },
  });
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
  if (question === undefined) {
    throw new AgentFlowError("invalid_input", "a question that this owner does not know", {
      reason: "unknown_question",
    });
  }
  if (!isOwn(question, tenant)) {
    throw new AgentFlowError("forbidden", `a worker of ${tenant} asks for what is not its own`, {
      reason: "tenant_mismatch",
    });
  }
  switch (question.kind) {
    case "consumer":
      bound(of.made, { tenant, subject: question.subject });
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

/** Names cost the server memory: nobody makes them without end. */
function bound(made: Map<string, Set<string>>, of: { tenant: string; subject: string }): void {
  const known = made.get(of.tenant) ?? new Set();
  if (!known.has(of.subject) && known.size >= natsLimits.consumersPerTenantMax) {
    const message = `the workers of ${of.tenant} asked for more than ${known.size} queues`;
    throw new AgentFlowError("limit_exceeded", message, { reason: "too_many_queues" });
  }
  made.set(of.tenant, known.add(of.subject));
}

async function page(log: Log, { subject, after, limit }: Extract<Question, { kind: "read" }>) {
  const most = Math.min(Math.max(limit, 1), natsLimits.readBatch);
  const found = await log.read(subject, { after, limit: most });
  let size = 0;
  // The first always: a record alone fits into a message.
  const fitting = found.filter(({ body }, n) => (size += body.length) < natsLimits.pageChars || n === 0);
  return writePage(fitting, fitting.length < found.length || found.length === most);
}
