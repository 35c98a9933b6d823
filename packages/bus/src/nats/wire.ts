/** The Wire port on core NATS: nothing is stored, and who is not there misses it. */
import { AgentFlowError, fromErrorBody, type Subject, toErrorBody } from "@agentflow/protocol";
import type { Msg } from "@nats-io/transport-node";
import { checkBody, checkWireFilter, checkWireSubject } from "../port/check.ts";
import type { Stop, Wire } from "../port/index.ts";
import { checkRequest, Inbox } from "../shared/wire-inbox.ts";
import { elsewhere } from "./door/serve.ts";
import { closedError } from "./errors.ts";
import type { Link } from "./link.ts";
import type { TurnedAway } from "./options.ts";
import { errorHeader, isInbox, toFilter } from "./names.ts";
import { parseSubject, text } from "./parse-answers.ts";
import { parseErrorBody } from "./parse-error.ts";
import { RawHeaders } from "./raw-headers.ts";

/** Of all servers of a subject one gets each request, whichever pattern it serves by. */
const group = "af";

type Handler = (body: string, subject: Subject) => Promise<string>;

export class CoreWire implements Wire {
  readonly #link: Link;
  readonly #tell: (turned: TurnedAway) => void;

  /** `tell` hears of each request whose answer would go where its asker might not publish. */
  constructor(link: Link, tell: (turned: TurnedAway) => void) {
    this.#link = link;
    this.#tell = tell;
  }

  async request(subject: Subject, body: string, { timeoutMs }: { timeoutMs: number }): Promise<string> {
    checkRequest(subject, body, timeoutMs);
    const answer = await this.#link.request(subject, body, { doing: `asking ${subject}`, timeoutMs });
    if (answer.headers !== undefined && answer.headers.has(errorHeader)) {
      throw fromErrorBody(parseErrorBody(text(answer.data)));
    }
    return text(answer.data);
  }

  async serve(subject: Subject, handler: Handler): Promise<Stop> {
    checkWireFilter(subject);
    this.#link.requireUp(`serving ${subject}`);
    const subscription = this.#link.nc.subscribe(toFilter(subject), {
      queue: group,
      callback: (error, request) => {
        if (error === null) void this.#answer(request, handler);
      },
    });
    await this.#flush();
    return { stop: () => this.#drained(subscription) };
  }

  publish(subject: Subject, body: string): void {
    checkWireSubject(subject);
    checkBody(body);
    if (this.#link.isClosed) throw closedError();
    // Nobody has it for sure, so while the connection is away it is nobody's.
    if (this.#link.isUp) this.#link.send(subject, body);
  }

  async subscribe(
    subject: Subject,
    handler: (body: string, subject: Subject) => void,
    onDropped?: (count: number) => void,
  ): Promise<Stop> {
    checkWireFilter(subject);
    this.#link.requireUp(`listening to ${subject}`);
    const waiting = new Inbox(handler, onDropped);
    const subscription = this.#link.nc.subscribe(toFilter(subject), {
      callback: (error, message) => {
        const from = error === null ? parseSubject(message.subject) : undefined;
        if (from !== undefined) waiting.put({ body: text(message.data), subject: from });
      },
    });
    await this.#flush();
    return {
      stop: async () => {
        waiting.close();
        await this.#drained(subscription);
      },
    };
  }

  async #answer(request: Msg, handler: Handler): Promise<void> {
    const subject = parseSubject(request.subject);
    const { reply } = request;
    if (subject === undefined || reply === undefined || reply === "") return;
    if (!isInbox(reply)) return this.#tell(elsewhere(subject, reply));
    try {
      const answer = await handler(text(request.data), subject);
      checkBody(answer);
      this.#link.send(reply, answer);
    } catch (error) {
      const body = JSON.stringify(toErrorBody(AgentFlowError.from(error, `serving ${subject}`)));
      this.#link.send(reply, body, { reply: "", headers: new RawHeaders(`${errorHeader}: 1\r\n`) });
    }
  }

  /** Whoever asks after this is heard: the server knows the subscription. */
  async #flush(): Promise<void> {
    await this.#link.nc.flush().catch(() => undefined);
  }

  /** What was on its way is still handled; the connection's end ends it too. */
  async #drained(subscription: { drain(): Promise<void> }): Promise<void> {
    if (!this.#link.isUp) return;
    await subscription.drain().catch(() => undefined);
  }
}
