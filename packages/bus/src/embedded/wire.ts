import { AgentFlowError, type Subject } from "@agentflow/protocol";
import { checkBody, checkWireFilter, checkWireSubject } from "../port/check.ts";
import type { Stop, Wire } from "../port/index.ts";
import { checkRequest, Inbox } from "../shared/wire-inbox.ts";
import type { Server, Switchboard } from "./switchboard.ts";

/** The Wire port inside the owner. */
export class EmbeddedWire implements Wire {
  readonly board: Switchboard;

  constructor(board: Switchboard) {
    this.board = board;
  }

  request(subject: Subject, body: string, options: { timeoutMs: number }): Promise<string> {
    return new Promise((resolve, reject) => {
      checkRequest(subject, body, options.timeoutMs);
      this.board.request({ subject, body, timeoutMs: options.timeoutMs }, (error, answer) => {
        if (error === undefined) resolve(answer);
        else reject(error);
      });
    });
  }

  async serve(subject: Subject, handler: (body: string, subject: Subject) => Promise<string>): Promise<Stop> {
    checkWireFilter(subject);
    const stop = this.board.serve(subject, asServer(handler));
    return { stop: async () => stop() };
  }

  publish(subject: Subject, body: string): void {
    checkWireSubject(subject);
    checkBody(body);
    this.board.publish(subject, body);
  }

  async subscribe(
    subject: Subject,
    handler: (body: string, subject: Subject) => void,
    onDropped?: (count: number) => void,
  ): Promise<Stop> {
    checkWireFilter(subject);
    const inbox = new Inbox(handler, onDropped);
    const stop = this.board.subscribe(subject, (body, from) => inbox.put({ body, subject: from }));
    return {
      stop: async () => {
        stop();
        inbox.close();
      },
    };
  }
}

/** A handler with a promise as one with a callback; an answer that is too long is an error of the handler. */
export function asServer(handler: (body: string, subject: Subject) => Promise<string>): Server {
  return (body, subject, reply) => {
    const answer = (text: string): void => {
      try {
        checkBody(text);
      } catch (error) {
        return reply(AgentFlowError.from(error, "an answer"), "");
      }
      reply(undefined, text);
    };
    const fail = (error: unknown): void => reply(AgentFlowError.from(error, `serving ${subject}`), "");
    try {
      handler(body, subject).then(answer, fail);
    } catch (error) {
      fail(error);
    }
  };
}
