/** Where each subject of the log stands while a backup is written into it. */
import type { Log, LogEntry, Revision } from "@agentflow/bus";
import { AgentFlowError, type Subject } from "@agentflow/protocol";

interface Track {
  /** The last record that is known to be there. */
  last: Revision;
  /** Records that an earlier writer left, and that were not come to yet. */
  ahead: LogEntry[];
  /** Nothing is there behind `last` and `ahead`. */
  isRead: boolean;
}

const pageEntries = 64;

/**
 * Histories are written behind a fence from their begin, so what a writer that died left of one is what the
 * backup begins with: it is compared, and gone on from there. In the other streams others may write as well:
 * there what is found in the backup's order counts as written.
 */
export class Tracks {
  readonly #log: Log;
  readonly #resumes: boolean;
  readonly #tracks = new Map<Subject, Track>();

  constructor(log: Log, { resumes }: { readonly resumes: boolean }) {
    this.#log = log;
    this.#resumes = resumes;
  }

  /** In order, each durable before the next. */
  async write(subject: Subject, records: readonly { readonly body: string }[]): Promise<void> {
    const isHistory = subject.startsWith("af.log.");
    const track = this.#track(subject);
    for (const { body } of records) {
      const found = isHistory ? await this.#next(track, subject) : await this.#search(track, subject, body);
      if (found === undefined) await this.#append(track, { subject, body, isHistory });
      else if (found.body !== body) throw otherThere(subject, found.revision);
    }
  }

  #track(subject: Subject): Track {
    const known = this.#tracks.get(subject);
    if (known !== undefined) return known;
    const track: Track = { last: 0, ahead: [], isRead: !this.#resumes };
    this.#tracks.set(subject, track);
    return track;
  }

  async #next(track: Track, subject: Subject): Promise<LogEntry | undefined> {
    if (track.ahead.length === 0 && !track.isRead) {
      track.ahead = await this.#log.read(subject, { after: track.last, limit: pageEntries });
      track.isRead = track.ahead.length < pageEntries;
    }
    const next = track.ahead.shift();
    if (next !== undefined) track.last = next.revision;
    return next;
  }

  /** Passes over what others wrote; what is not found is not there, and nothing behind it either. */
  async #search(track: Track, subject: Subject, body: string): Promise<LogEntry | undefined> {
    for (;;) {
      const next = await this.#next(track, subject);
      if (next === undefined || next.body === body) return next;
    }
  }

  async #append(track: Track, of: { subject: Subject; body: string; isHistory: boolean }): Promise<void> {
    const { subject, body, isHistory } = of;
    const appended = await this.#log.append(subject, body, { expect: isHistory ? track.last : "any" });
    if (!appended.ok) throw otherThere(subject, appended.revision);
    track.last = appended.revision;
  }
}

function otherThere(subject: string, revision: Revision): AgentFlowError {
  return new AgentFlowError("conflict", `${subject} holds a record that is not the backup's`, {
    reason: "not_the_backup",
    details: { subject, revision },
    suggestions: ["restore into an empty store: somebody else has written to this one"],
  });
}
