import { AgentFlowError, fromErrorBody, type Subject, toErrorBody } from "@agentflow/protocol";
import { checkBody, checkWireFilter, checkWireSubject } from "../port/check.ts";
import type { Stop, Wire } from "../port/index.ts";
import { gone, type Link } from "./link.ts";
import { matcher } from "./stream.ts";
import { Subscription } from "./subscription.ts";

interface Server {
  readonly link: Link;
  readonly matches: (subject: Subject) => boolean;
  readonly handler: (body: string, subject: Subject) => Promise<string>;
}

/** Who serves and who listens, over all clients. */
export class WireState {
  readonly servers = new Set<Server>();
  readonly subscriptions = new Set<Subscription>();
}

interface Asked {
  readonly subject: Subject;
  readonly body: string;
  readonly timeoutMs: number;
}

export function memoryWire(state: WireState, link: Link): Wire {
  return {
    request: async (subject, body, { timeoutMs }) => {
      checkWireSubject(subject);
      checkBody(body);
      link.requireAlive();
      return request(state, link, { subject, body, timeoutMs });
    },
    serve: async (subject, handler) => {
      checkWireFilter(subject);
      const server: Server = { link, matches: matcher([subject]), handler };
      return join(state.servers, server, link);
    },
    publish: (subject, body) => {
      checkWireSubject(subject);
      checkBody(body);
      if (!link.up) return;
      for (const listener of state.subscriptions) listener.offer(subject, body);
    },
    subscribe: async (subject, handler, onDropped) => {
      checkWireFilter(subject);
      const matches = matcher([subject]);
      const subscription = new Subscription({ link, matches, handler, onDropped });
      const joined = await join(state.subscriptions, subscription, link);
      return {
        stop: () => {
          subscription.end();
          return joined.stop();
        },
      };
    },
  };
}

async function join<T>(set: Set<T>, one: T, link: Link): Promise<Stop> {
  const forget = link.atEnd(() => set.delete(one));
  // Asked for just before the client died: nobody would ever take it out of the set again.
  await link.call("serve", () => void (link.alive && set.add(one)));
  return {
    stop: async () => {
      set.delete(one);
      forget();
    },
  };
}

async function request(state: WireState, link: Link, asked: Asked): Promise<string> {
  const { weather } = link;
  let stopTimer = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${asked.subject} did not answer within ${asked.timeoutMs} ms`;
    const expire = (): void => reject(new AgentFlowError("timeout", message));
    stopTimer = weather.world.timers.after(asked.timeoutMs, expire);
  });
  try {
    return await Promise.race([exchange(state, link, asked), late]);
  } finally {
    stopTimer();
  }
}

async function exchange(state: WireState, link: Link, { subject, body }: Asked): Promise<string> {
  const { weather } = link;
  await weather.there("request");
  if (!link.up) return never();
  const fault = weather.strike("request", link.name);
  const willing = [...state.servers].filter((one) => one.matches(subject));
  const server = willing[weather.pick(willing.length)];
  if (server === undefined || fault === "before") throw gone(`nobody serves ${subject}`);
  if (!server.link.up) return never();
  const answer = await answerOf(server, subject, body);
  await weather.back("request");
  if (!server.link.up || !link.up || fault === "after") return never();
  return answer();
}

/** What the handler gave or threw, as it looks after a journey between processes. */
async function answerOf(server: Server, subject: Subject, body: string): Promise<() => string> {
  try {
    const text = await server.handler(body, subject);
    return () => text;
  } catch (error) {
    const sent = toErrorBody(AgentFlowError.from(error, `serving ${subject}`));
    return () => {
      throw fromErrorBody(sent);
    };
  }
}

/** A message that was lost: only the caller's timeout ends the wait. */
function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
