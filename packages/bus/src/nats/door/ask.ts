/** A worker's side of the door: it asks an owner, and hears its answer or its error. */
import { fromErrorBody, type Subject } from "@agentflow/protocol";
import { checkTaskSubject } from "../../port/check.ts";
import type { LogEntry, Put, Revision } from "../../port/index.ts";
import type { Link } from "../link.ts";
import { askSubject, errorHeader } from "../names.ts";
import { type ConsumerFacts, text } from "../parse-answers.ts";
import { parseErrorBody } from "../parse-error.ts";
import { parseConsumer, parsePage, parsePut, type Question, writeQuestion } from "./parse-question.ts";

export async function askForConsumer(link: Link, subject: Subject): Promise<ConsumerFacts> {
  const { tenant } = checkTaskSubject(subject);
  const doing = `asking for the queue of ${subject}`;
  return parseConsumer(await ask(link, { tenant, question: { kind: "consumer", subject }, doing }));
}

/** The tenant whose worker a row tells of; undefined for every other row. */
export function workerOfRow(key: string): string | undefined {
  return /^worker\.([^.]+)\./.exec(key)?.[1];
}

export async function askForRow(
  link: Link,
  { tenant, question }: { tenant: string; question: Extract<Question, { key: string }> },
): Promise<Put> {
  return parsePut(await ask(link, { tenant, question, doing: `writing ${question.key}` }));
}

/** Records of one journal, page by page. */
export async function askForJournal(
  link: Link,
  of: { tenant: string; subject: Subject; after: Revision; limit: number },
): Promise<LogEntry[]> {
  const { tenant, subject } = of;
  const found: LogEntry[] = [];
  for (let { after } = of; found.length < of.limit; after = found.at(-1)?.revision ?? after) {
    const question = { kind: "read", subject, after, limit: of.limit - found.length } as const;
    const page = parsePage(await ask(link, { tenant, question, doing: `reading ${subject}` }));
    found.push(...page.entries);
    if (!page.hasMore || page.entries.length === 0) break;
  }
  return found;
}

async function ask(
  link: Link,
  { tenant, question, doing }: { tenant: string; question: Question; doing: string },
): Promise<string> {
  link.requireUp(doing);
  const answer = await link.request(askSubject(tenant), writeQuestion(question), { doing });
  const body = text(answer.data);
  if (answer.headers?.has(errorHeader) === true) throw fromErrorBody(parseErrorBody(body));
  return body;
}
