/** What the takers of one client share: who holds what, who claims what, and what is said about it. */
import { AgentFlowError, type Subject } from "@agentflow/protocol";
import { store } from "../api.ts";
import type { Link } from "../link.ts";
import { taskKey } from "../names.ts";
import { RawHeaders } from "../raw-headers.ts";
import type { Streams } from "../streams.ts";
import type { Handed, Held, Holder } from "./held.ts";
import {
  ackHeader,
  idHeader,
  parsePassedOn,
  parseTalk,
  subjectHeader,
  type Talk,
  writeTalk,
} from "./parse-talk.ts";

const passOnMs = 1_000;
/** Claims of others that are remembered; whoever made an older one has asked for long enough. */
const claimsMax = 10_000;

export class Desk {
  readonly link: Link;
  readonly streams: Streams;
  readonly bury: (handed: Handed, reason: string) => Promise<void>;
  readonly held = new Map<string, Held>();
  /** Where others pass on what is claimed here. */
  readonly inbox: string;
  readonly #claims = new Map<string, Holder>();
  readonly #claimsOfOthers = new Map<string, string>();
  readonly #listening = new Map<Subject, { users: number; stop: () => void }>();
  readonly #work = new Set<Promise<unknown>>();

  constructor(of: Pick<Desk, "link" | "streams" | "bury">) {
    this.link = of.link;
    this.streams = of.streams;
    this.bury = of.bury;
    this.inbox = `${this.link.inbox}.h`;
    this.link.nc.subscribe(this.inbox, {
      callback: (error, message) => {
        const handed = error === null ? parsePassedOn(message) : undefined;
        const isTaken = handed !== undefined && this.#takeOver(handed);
        this.link.send(message.reply ?? "", isTaken ? "+" : "-");
      },
    });
  }

  /** Hears what is said about a subject until the result is called. */
  listen(subject: Subject): () => void {
    const known = this.#listening.get(subject) ?? { users: 0, stop: this.#subscribe(subject) };
    known.users++;
    this.#listening.set(subject, known);
    return () => {
      known.users--;
      if (known.users > 0) return;
      this.#listening.delete(subject);
      known.stop();
    };
  }

  say(subject: Subject, talk: Talk): void {
    if (this.link.isUp) this.link.send(subject, writeTalk(talk));
  }

  claim(id: string, taker: Holder): void {
    this.#claims.set(id, taker);
  }

  /** The claims of a taker that goes, or those it still has when told to say them again. */
  claimsOf(taker: Holder): string[] {
    return [...this.#claims].filter(([, claimant]) => claimant === taker).map(([id]) => id);
  }

  unclaim(taker: Holder): void {
    const ids = this.claimsOf(taker);
    for (const id of ids) this.#claims.delete(id);
    if (ids.length === 0) return;
    for (const subject of taker.options.subjects) this.say(subject, { kind: "unclaim", inbox: this.inbox });
  }

  /** A task that a taker got: his, unless somebody claims it. */
  arrived(handed: Handed, taker: Holder): void {
    const claimant = this.#claims.get(handed.id);
    if (claimant !== undefined) return void this.#takeOver(handed);
    const other = this.#claimsOfOthers.get(handed.id);
    if (other === undefined) return taker.accept(handed);
    this.#claimsOfOthers.delete(handed.id);
    this.after(this.#passOn(handed, other).then((isTaken) => void (isTaken || taker.accept(handed))));
  }

  /** Back to the queue unseen: as a new message, so that its count is not raised by having been here. */
  giveBack(handed: Handed): void {
    this.after(this.#store(handed).catch(() => false));
  }

  revoked(id: string): void {
    this.#claims.delete(id);
    this.#claimsOfOthers.delete(id);
    const held = this.held.get(id);
    if (held === undefined) return;
    held.lose();
    held.taker.forget(held);
  }

  /** Resolves when what was begun is done. */
  async settle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  after(work: Promise<unknown>): void {
    const kept = work.catch(() => undefined).finally(() => this.#work.delete(kept));
    this.#work.add(kept);
  }

  #subscribe(subject: Subject): () => void {
    const subscription = this.link.nc.subscribe(subject, {
      callback: (error, message) => {
        const talk = error === null ? parseTalk(message.data) : undefined;
        if (talk !== undefined) this.#heard(talk);
      },
    });
    return () => subscription.unsubscribe();
  }

  #heard(talk: Talk): void {
    switch (talk.kind) {
      case "revoked":
        return this.revoked(talk.id);
      case "hello":
        for (const taker of new Set(this.#claims.values())) taker.announce();
        return;
      case "unclaim":
        for (const [id, inbox] of this.#claimsOfOthers) {
          if (inbox === talk.inbox) this.#claimsOfOthers.delete(id);
        }
        return;
      default:
        if (talk.inbox !== this.inbox) for (const id of talk.ids) this.#claimed(id, talk);
    }
  }

  #claimed(id: string, { inbox, holder }: Extract<Talk, { kind: "claim" }>): void {
    const held = this.held.get(id);
    if (held === undefined) {
      if (this.#claimsOfOthers.size >= claimsMax) this.#claimsOfOthers.clear();
      this.#claimsOfOthers.set(id, inbox);
      return;
    }
    if (held.taker.options.holder !== holder) return;
    held.isCurrent = false;
    this.after(
      this.#passOn(held.handed, inbox).then((isTaken) => {
        if (isTaken) held.taker.forget(held);
        else held.isCurrent = true;
      }),
    );
  }

  #takeOver(handed: Handed): boolean {
    const claimant = this.#claims.get(handed.id);
    if (claimant === undefined) return false;
    this.#claims.delete(handed.id);
    claimant.accept({ ...handed, isResumed: true });
    return true;
  }

  /** Whether the other has it now. When he does not answer he may: then the lease decides. */
  async #passOn(handed: Handed, inbox: string): Promise<boolean> {
    const { subject, ackSubject } = handed;
    const { token, lines } = keyLines(handed.id);
    const headers = new RawHeaders(
      `${lines}${subjectHeader}: ${subject}.${token}\r\n${ackHeader}: ${ackSubject}\r\n`,
    );
    const ask = { doing: `passing ${handed.id} on`, timeoutMs: passOnMs, headers };
    try {
      const answer = await this.link.request(inbox, handed.body, ask);
      return answer.data.length === 1 && answer.data[0] === "+".charCodeAt(0);
    } catch (error) {
      return !(AgentFlowError.is(error) && error.reason === "no_server");
    }
  }

  async #store(handed: Handed): Promise<void> {
    const { id, subject, body, sequence, ackSubject } = handed;
    const { token, lines } = keyLines(id);
    // Behind the message it replaces: a task that was taken back meanwhile stays gone.
    const headers = new RawHeaders(`${lines}Nats-Expected-Last-Subject-Sequence: ${sequence}\r\n`);
    const stored = await store(this.link, `${subject}.${token}`, {
      body,
      headers,
      doing: `giving ${id} back`,
    });
    this.link.send(ackSubject, stored.ok ? "+ACK" : "-NAK");
  }
}

/** The last token of a task's stored subject, and the header that says what the token cannot. */
export function keyLines(id: string): { readonly token: string; readonly lines: string } {
  const { token, isHashed } = taskKey(id);
  return { token, lines: isHashed ? `${idHeader}: ${id}\r\n` : "" };
}
