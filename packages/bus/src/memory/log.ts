import { prefixes, type StreamName, type Subject } from "@agentflow/protocol";
import { checkAfter, checkBody, checkLogFilter, checkLogSubject } from "../port/check.ts";
import {
  behindIn,
  laneOfShard,
  type Log,
  type LogEntry,
  type StreamSize,
  type TailOptions,
} from "../port/index.ts";
import { Bell } from "./bell.ts";
import { gone, type Link } from "./link.ts";
import { matcher, Stream } from "./stream.ts";
import type { Weather } from "./weather.ts";

/** The streams of one installation, made when first named; the stream `log` is one for each lane. */
export class MemoryStreams {
  readonly lanes: number;
  private readonly streams = new Map<string, Stream>();
  private readonly weather: Weather;

  constructor(weather: Weather, lanes: number) {
    this.weather = weather;
    this.lanes = lanes;
  }

  /** Where a subject is kept. */
  of(name: StreamName, subject: Subject): Stream {
    const lane = name === "log" ? laneOfShard(subject.split(".")[2] ?? "", this.lanes) : 0;
    return this.one(name, lane);
  }

  /** Where what a filter names is kept. */
  under(name: StreamName, filter: readonly Subject[]): readonly Stream[] {
    if (filter.includes(prefixes.log)) return this.all();
    return [...new Set(filter.map((subject) => this.of(name, subject)))];
  }

  /** Every lane of the stream `log`. */
  all(): readonly Stream[] {
    return Array.from({ length: this.lanes }, (_, lane) => this.one("log", lane));
  }

  /** What there is, with how many records lie in it. */
  sizes(): readonly StreamSize[] {
    return [...this.streams].map(([key, { size }]) => ({ stream: key.replace(/ 0$/, ""), messages: size }));
  }

  private one(name: StreamName, lane: number): Stream {
    const key = `${name} ${lane}`;
    const known = this.streams.get(key);
    if (known !== undefined) return known;
    const lanes = name === "log" ? this.lanes : 1;
    const made = new Stream(this.weather, { lane, lanes });
    this.streams.set(key, made);
    return made;
  }
}

export function memoryLog(streams: MemoryStreams, link: Link): Log {
  return {
    lanes: streams.lanes,
    append: async (subject, body, { expect }) => {
      const stream = streams.of(checkLogSubject(subject), subject);
      checkBody(body);
      return link.call("append", () => stream.append(subject, body, expect));
    },
    read: async (subject, { after = 0, limit = 1_000 } = {}) => {
      const stream = streams.of(checkLogSubject(subject), subject);
      return link.call("read", () => stream.read(subject, after, limit));
    },
    head: async (prefix) => {
      const kept = streams.under(checkLogFilter([prefix]), [prefix]);
      return link.call("read", () => Math.max(...kept.map((stream) => stream.head())));
    },
    heads: async () => link.call("read", () => streams.all().map((stream) => stream.head())),
    async *subjects(prefix) {
      for (const stream of streams.under(checkLogFilter([prefix]), [prefix])) {
        const found = await link.call("read", () =>
          stream.subjects().filter((subject) => subject.startsWith(prefix)),
        );
        if (found.length > 0) yield found;
      }
    },
    purge: async (subject, { upTo = Number.POSITIVE_INFINITY } = {}) => {
      const stream = streams.of(checkLogSubject(subject), subject);
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
  const kept = streams.under(checkLogFilter(filter), filter);
  checkAfter(after, kept.length === 1);
  const matches = matcher(filter);
  const { weather } = link;
  const bell = new Bell();
  link.requireAlive();
  const state = link.open(bell);
  for (const stream of kept) stream.bells.add(bell);
  signal.addEventListener("abort", bell.ring);
  const places = kept.map((stream) => ({ stream, seen: behindIn(after, stream.lane) }));
  try {
    while (!signal.aborted) {
      if (state.cut) throw gone(`the tail of ${link.name} was cut`);
      const found = behind(places, matches, { max: link.up ? weather.batchMax() : 0, weather });
      if (found.length === 0) {
        await bell.wait();
        continue;
      }
      await weather.pass(weather.delayMs());
      if (!signal.aborted && !state.cut) yield found;
    }
  } finally {
    signal.removeEventListener("abort", bell.ring);
    for (const stream of kept) stream.bells.delete(bell);
    link.shut(bell);
  }
}

interface Place {
  readonly stream: Stream;
  seen: number;
}

/** At most `max` records, lane by lane, beginning with any: nothing orders lanes. */
function behind(
  places: readonly Place[],
  matches: (subject: Subject) => boolean,
  { max, weather }: { max: number; weather: Weather },
): readonly LogEntry[] {
  const all: LogEntry[] = [];
  const first = weather.pick(places.length);
  for (const place of [...places.slice(first), ...places.slice(0, first)]) {
    const { found, upTo } = place.stream.behind(place.seen, matches, max - all.length);
    place.seen = upTo;
    all.push(...found);
  }
  return all;
}
