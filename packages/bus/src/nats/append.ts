/** Appends: sent behind a fence, and asked after when the answer does not come. */
import { setTimeout as sleep } from "node:timers/promises";
import { AgentFlowError } from "@agentflow/protocol";
import type { Appended, Revision } from "../port/index.ts";
import { directLast, leaderGet } from "./api.ts";
import { fromApi, isAmbiguous, isApiError, isStorageFailed } from "./errors.ts";
import type { Link } from "./link.ts";
import { natsLimits } from "./limits.ts";
import { fenceSequence, type Home, revisionOf } from "./names.ts";
import { parseStored, type Stored, type StoredMessage, text } from "./parse-answers.ts";
import { fence } from "./raw-headers.ts";

export interface Append {
  readonly subject: string;
  readonly body: string;
  readonly expect: Revision | "any";
  readonly home: Home;
}

export class Appender {
  readonly #link: Link;

  readonly #isOwner: boolean;

  constructor(link: Link, { isOwner }: { readonly isOwner: boolean }) {
    this.#link = link;
    this.#isOwner = isOwner;
  }

  async append(append: Append): Promise<Appended> {
    const { expect, home } = append;
    this.#link.requireUp(`appending to ${append.subject}`);
    if (expect === "any") return this.#unfenced(append);
    const stands = fenceSequence(expect, home);
    if (stands === undefined) return this.#lost(append);
    const fenced = { ...append, stands };
    try {
      const stored = await this.#send(fenced);
      if (stored.ok) return { ok: true, revision: revisionOf(stored.sequence, home) };
      if (isApiError(stored.error, "wrongSequence")) return await this.#lost(append);
      throw fromApi(stored.error, `appending to ${append.subject}`);
    } catch (error) {
      if (!isAmbiguous(error) || this.#link.isClosed) throw error;
      return this.#settle(fenced, error);
    }
  }

  async #unfenced({ subject, body, home }: Append): Promise<Appended> {
    const doing = `appending to ${subject}`;
    const stored = parseStored(await this.#link.store(subject, body, { doing }));
    if (!stored.ok) throw fromApi(stored.error, doing);
    return { ok: true, revision: revisionOf(stored.sequence, home) };
  }

  async #send({ subject, body, stands }: Fenced): Promise<Stored> {
    const headers = fence(stands);
    return parseStored(await this.#link.store(subject, body, { doing: `appending to ${subject}`, headers }));
  }

  async #lost({ subject, home }: Append): Promise<Appended> {
    const last = await this.#last(subject, home);
    return { ok: false, reason: "wrong_revision", revision: revisionOf(last?.sequence ?? 0, home) };
  }

  /**
   * Whether it was written is asked of the leader until it is known. Only the first record behind the fence
   * can be this one, so its body decides; and while there is none, the same append may be sent again: if
   * the first try arrives after all, the fence lets one of the two in.
   */
  async #settle(append: Fenced, cause: unknown): Promise<Appended> {
    const { subject, home, stands } = append;
    const until = performance.now() + natsLimits.settleMs;
    while (performance.now() < until && !this.#link.isClosed) {
      try {
        const next = await this.#behind(append);
        if (next !== undefined) {
          const revision = revisionOf(next.sequence, home);
          return text(next.data) === append.body ? { ok: true, revision } : await this.#lost(append);
        }
        // Nothing behind the fence: it may itself be gone, or another may stand there by now.
        const last = await this.#last(subject, home);
        if ((last?.sequence ?? 0) < stands) return await this.#lost(append);
        const stored = await this.#send(append);
        if (stored.ok) return { ok: true, revision: revisionOf(stored.sequence, home) };
        // Refused for now, or the first try is itself under way: the next look tells.
      } catch (error) {
        // It was there to say that nothing is behind the fence: asking on would not make it store anything.
        if (isStorageFailed(error)) throw error;
        // Still cut off, or cut off again: nothing is known yet, and what was sent again may be there too.
        if (AgentFlowError.is(error) && error.code === "timeout") this.#link.moveOn();
      }
      await sleep(natsLimits.settlePauseMs);
    }
    throw cause;
  }

  /** A worker may not ask the leader: what it wants stands in a body, where no permission sees it. */
  async #last(subject: string, { stream }: Home): Promise<StoredMessage | undefined> {
    return this.#isOwner
      ? leaderGet(this.#link, stream, { last_by_subj: subject })
      : directLast(this.#link, stream, subject);
  }

  /** The first record behind the fence; a worker knows the last one: the same, while it alone writes. */
  async #behind({ subject, home, stands }: Fenced): Promise<StoredMessage | undefined> {
    if (this.#isOwner) {
      return leaderGet(this.#link, home.stream, { seq: stands + 1, next_by_subj: subject });
    }
    const last = await this.#last(subject, home);
    return (last?.sequence ?? 0) > stands ? last : undefined;
  }
}

interface Fenced extends Append {
  /** The sequence behind which it may be written. */
  readonly stands: number;
}
