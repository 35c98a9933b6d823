import type { StreamName } from "@agentflow/protocol";
import { checkBody, checkLogFilter, checkLogSubject } from "../port/check.ts";
import type { Log, LogEntry, TailOptions } from "../port/index.ts";
import { Bell } from "./bell.ts";
import { gone, type Link } from "./link.ts";
import { matcher, Stream } from "./stream.ts";
import type { Weather } from "./weather.ts";

/** The streams of one installation, made when first named. */
export class MemoryStreams {
  private readonly streams = new Map<StreamName, Stream>();
  private readonly weather: Weather;

  constructor(weather: Weather) {
    this.weather = weather;
  }

  of(name: StreamName): Stream {
    const known = this.streams.get(name);
    if (known !== undefined) return known;
    const made = new Stream(this.weather);
    this.streams.set(name, made);
    return made;
  }
}

export function memoryLog(streams: MemoryStreams, link: Link): Log {
  return {
    append: async (subject, body, { expect }) => {
      const stream = streams.of(checkLogSubject(subject));
      checkBody(body);
      return link.call("append", () => stream.append(subject, body, expect));
    },
    read: async (subject, { after = 0, limit = 1_000 } = {}) => {
      const stream = streams.of(checkLogSubject(subject));
      return link.call("read", () => stream.read(subject, after, limit));
    },
    head: async (prefix) => {
      const stream = streams.of(checkLogFilter([prefix]));
      return link.call("read", () => stream.head());
    },
    purge: async (subject, { upTo = Number.POSITIVE_INFINITY } = {}) => {
      const stream = streams.of(checkLogSubject(subject));
      await link.call("append", () => stream.purge(subject, upTo));
    },
    tail: (options) => tail(streams, link, options),
  };
}

async function* tail(
  streams: MemoryStreams,
  link: Link,
  { filter, after, signal }: TailOptions,
): AsyncGenerator<readonly LogEntry[]> {
  const stream = streams.of(checkLogFilter(filter));
  const matches = matcher(filter);
  const { weather } = link;
  const bell = new Bell();
  link.requireAlive();
  const state = link.open(bell);
  stream.bells.add(bell);
  signal.addEventListener("abort", bell.ring);
  let seen = after;
  try {
    while (!signal.aborted) {
      if (state.cut) throw gone(`the tail of ${link.name} was cut`);
      const { found, upTo } = stream.behind(seen, matches, link.up ? weather.batchMax() : 0);
      seen = upTo;
      if (found.length === 0) {
        await bell.wait();
        continue;
      }
      await weather.pass(weather.delayMs());
      if (!signal.aborted && !state.cut) yield found;
    }
  } finally {
    signal.removeEventListener("abort", bell.ring);
    stream.bells.delete(bell);
    link.shut(bell);
  }
}
