/** The Log port on JetStream: a stream for each lane, and the sequence of a subject as the fence. */
import { AgentFlowError, parseLogSubject, type StreamName, type Subject } from "@agentflow/protocol";
import { checkAfter, checkBody, checkLogFilter, checkLogSubject } from "../port/check.ts";
import type {
  Appended,
  AppendOptions,
  Log,
  LogEntry,
  Position,
  Revision,
  TailOptions,
} from "../port/index.ts";
import { api, directPage, leaderGet, tryApi } from "./api.ts";
import { askForJournal } from "./door/ask.ts";
import { fromApi, isApiError } from "./errors.ts";
import { Appender } from "./append.ts";
import type { Link } from "./link.ts";
import { natsLimits } from "./limits.ts";
import { type Home, homeOf, homesOf, revisionOf, sequenceUpTo, toFilter } from "./names.ts";
import { parseSubjects, type StoredMessage, toEntry } from "./parse-answers.ts";
import type { Layout } from "./streams.ts";
import { tailLog } from "./tail.ts";

interface LogOptions extends Layout {
  /** The connection that may remove. */
  readonly purges: Link;
  readonly isOwner: boolean;
}

export class JetStreamLog implements Log {
  readonly lanes: number;
  readonly #link: Link;
  readonly #purges: Link;
  readonly #isOwner: boolean;
  /** With copies a direct read may come from one that lags: then the leader is asked what it should hold. */
  readonly #hasCopies: boolean;
  readonly #appender: Appender;

  constructor(link: Link, layout: LogOptions) {
    this.#link = link;
    this.#purges = layout.purges;
    this.#isOwner = layout.isOwner;
    this.lanes = layout.lanes;
    this.#hasCopies = layout.replicas > 1;
    this.#appender = new Appender(link, layout);
  }

  async append(subject: Subject, body: string, { expect }: AppendOptions): Promise<Appended> {
    const home = this.#home(checkLogSubject(subject), subject);
    checkBody(body);
    return this.#appender.append({ subject, body, expect, home });
  }

  async read(
    subject: Subject,
    { after = 0, limit = natsLimits.readBatch }: { after?: Revision; limit?: number } = {},
  ): Promise<LogEntry[]> {
    const home = this.#home(checkLogSubject(subject), subject);
    this.#link.requireUp(`reading ${subject}`);
    const own = this.#isOwner ? undefined : parseLogSubject(subject);
    if (own?.kind === "turn") {
      return askForJournal(this.#link, { tenant: own.tenant, subject, after, limit });
    }
    const from = sequenceUpTo(after, home) + 1;
    const found = await this.#direct(home.stream, { subject, from, limit });
    if (this.#hasCopies) await this.#complete(home.stream, { subject, from, limit }, found);
    return entriesOf(found, home);
  }

  tail({ filter, after, signal }: TailOptions): AsyncIterable<readonly LogEntry[]> {
    const isOne = homesOf(checkLogFilter(filter), filter, this.lanes).length === 1;
    checkAfter(after, isOne);
    return tailLog(this.#link, { filter, after, signal, lanes: this.lanes });
  }

  async head(prefix: Subject): Promise<Revision> {
    const kind = checkLogFilter([prefix]);
    const homes = homesOf(kind, prefix.endsWith(".") ? [`af.${kind}.`] : [prefix], this.lanes);
    return Math.max(...(await Promise.all(homes.map((home) => this.#headOf(home)))));
  }

  async heads(): Promise<Position> {
    return Promise.all(homesOf("log", ["af.log."], this.lanes).map((home) => this.#headOf(home)));
  }

  async *subjects(prefix: Subject): AsyncGenerator<readonly Subject[], void> {
    const kind = checkLogFilter([prefix]);
    for (const { stream } of homesOf(kind, [prefix], this.lanes)) {
      for (let offset = 0, total = 1; offset < total; ) {
        const body = { subjects_filter: toFilter(prefix), offset };
        const doing = `listing subjects of ${stream}`;
        const page = parseSubjects(await api(this.#link, { verb: `STREAM.INFO.${stream}`, body, doing }));
        if (page.subjects.length > 0) yield page.subjects;
        if (page.seen === 0) break;
        offset += page.seen;
        total = page.total;
      }
    }
  }

  async purge(subject: Subject, { upTo }: { upTo?: Revision } = {}): Promise<void> {
    const home = this.#home(checkLogSubject(subject), subject);
    // The server purges what lies before a sequence, so the last one to go is named by its successor.
    const body = { filter: subject, ...(upTo === undefined ? {} : { seq: sequenceUpTo(upTo, home) + 1 }) };
    const doing = `purging ${subject}`;
    const answered = await tryApi(this.#purges, { verb: `STREAM.PURGE.${home.stream}`, body, doing });
    if (answered.ok) return;
    if (isApiError(answered.error, "denied")) {
      throw new AgentFlowError("refused", `${doing}: nothing is removed from ${home.stream}`, {
        reason: "never_purged",
      });
    }
    throw fromApi(answered.error, doing);
  }

  #home(kind: StreamName, subject: string): Home {
    return homeOf(kind, subject, this.lanes);
  }

  /** The newest record that is there: a purge may have taken the one with the last sequence. */
  async #headOf(home: Home): Promise<Revision> {
    const newest = await leaderGet(this.#link, home.stream, { last_by_subj: ">" });
    return newest === undefined ? 0 : revisionOf(newest.sequence, home);
  }

  async #direct(stream: string, of: Reading): Promise<StoredMessage[]> {
    const found: StoredMessage[] = [];
    for (let from = of.from; found.length < of.limit; ) {
      const limit = Math.min(natsLimits.readBatch, of.limit - found.length);
      const { messages, hasMore } = await directPage(this.#link, stream, {
        subject: of.subject,
        from,
        limit,
      });
      found.push(...messages);
      if (!hasMore) break;
      from = (messages.at(-1)?.sequence ?? from) + 1;
    }
    return found;
  }

  /** What the leader has beyond what was found, one by one: rarely anything. */
  async #complete(stream: string, of: Reading, found: StoredMessage[]): Promise<void> {
    const last = await leaderGet(this.#link, stream, { last_by_subj: of.subject });
    if (last === undefined) return void found.splice(0);
    while (found.length < of.limit && (found.at(-1)?.sequence ?? of.from - 1) < last.sequence) {
      const seq = (found.at(-1)?.sequence ?? of.from - 1) + 1;
      const next = await leaderGet(this.#link, stream, { seq, next_by_subj: of.subject });
      if (next === undefined) return;
      found.push(next);
    }
  }
}

interface Reading {
  readonly subject: string;
  readonly from: number;
  readonly limit: number;
}

function entriesOf(messages: readonly StoredMessage[], home: Home): LogEntry[] {
  return messages.flatMap((message) => toEntry(message, revisionOf(message.sequence, home)) ?? []);
}

/** Used by whoever deletes one message of a stream by its place. */
export async function deleteMessage(link: Link, stream: string, seq: number): Promise<void> {
  const call = {
    verb: `STREAM.MSG.DELETE.${stream}`,
    body: { seq, no_erase: true },
    doing: `deleting from ${stream}`,
  };
  await api(link, call, "noMessage");
}
