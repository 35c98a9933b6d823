import { AgentFlowError, type Subject, toErrorBody } from "@agentflow/protocol";
import type { Stop, Wire } from "../../port/index.ts";
import { checkBody, checkWireFilter, checkWireSubject } from "../../port/check.ts";
import { checkRequest, Inbox } from "../../shared/wire-inbox.ts";
import { asServer } from "../wire.ts";
import { type Client, connectionLost } from "./client.ts";
import { operation } from "./operations.ts";
import * as parse from "./parse-message.ts";

/** The owner keeps the time of a request; this much later nobody waits for it any more. */
const answerMarginMs = 5_000;

/** The Wire port through the socket. */
export class ClientWire implements Wire {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async request(subject: Subject, body: string, options: { timeoutMs: number }): Promise<string> {
    checkRequest(subject, body, options.timeoutMs);
    const answer = await this.#client.call(
      { code: operation.request, facts: [subject, Math.ceil(options.timeoutMs)], bodies: [body] },
      { answerMs: options.timeoutMs + answerMarginMs },
    );
    return parse.body(answer.bodies);
  }

  async serve(subject: Subject, handler: (body: string, subject: Subject) => Promise<string>): Promise<Stop> {
    checkWireFilter(subject);
    const server = asServer(handler);
    const [serve, stop] = [operation.serve, operation.stopServing] as const;
    return this.#attach({ start: serve, stop, subject }, ({ id, facts, bodies }) => {
      const [, name] = parse.tuple(facts, 2);
      // The answer goes to the connection that asked; on another one it would mean nothing.
      const { link } = this.#client;
      server(parse.body(bodies), parse.subject(name), (error, answer) => {
        if (error === undefined) link?.send(operation.done, id, null, [answer]);
        else link?.send(operation.failed, id, toErrorBody(error));
      });
    });
  }

  publish(subject: Subject, body: string): void {
    checkWireSubject(subject);
    checkBody(body);
    this.#client.tell({ code: operation.publish, facts: [subject], bodies: [body] });
  }

  async subscribe(
    subject: Subject,
    handler: (body: string, subject: Subject) => void,
    onDropped?: (count: number) => void,
  ): Promise<Stop> {
    checkWireFilter(subject);
    const inbox = new Inbox(handler, onDropped);
    const [start, end] = [operation.subscribe, operation.unsubscribe] as const;
    const stop = await this.#attach({ start, stop: end, subject }, ({ facts, bodies }) => {
      const [, name, dropped] = parse.tuple(facts, 3);
      if (parse.count(dropped) > 0) inbox.drop(parse.count(dropped));
      inbox.put({ body: parse.body(bodies), subject: parse.subject(name) });
    });
    return {
      stop: async () => {
        inbox.close();
        await stop.stop();
      },
    };
  }

  /** Says it to the owner now and after each lost connection, until it is stopped. */
  async #attach(
    of: { start: number; stop: number; subject: Subject },
    message: Parameters<Client["attach"]>[1]["message"],
  ): Promise<Stop> {
    const client = this.#client;
    const id = client.newId();
    const begun = Promise.withResolvers<void>();
    const attach = (): void => {
      client.call({ code: of.start, facts: [id, of.subject] }, { patient: true }).then(
        () => begun.resolve(),
        (error: unknown) => {
          // A lost connection tries again by itself.
          if (!AgentFlowError.is(error) || error.reason !== connectionLost) begun.reject(error);
        },
      );
    };
    client.attach(id, { attach, message, ended: () => begun.reject(client.end) });
    if (client.end !== undefined) begun.reject(client.end);
    await begun.promise;
    return {
      stop: async () => {
        // Without a connection the owner has forgotten it already.
        if (client.isConnected) await client.call({ code: of.stop, facts: [id] }).catch(() => {});
        client.detach(id);
      },
    };
  }
}
