/** Tails: one ordered reader a lane, all into one line. */
import type { Msg } from "@nats-io/transport-node";
import { checkLogFilter } from "../port/check.ts";
import { behindIn, type LogEntry, type TailOptions } from "../port/index.ts";
import { Batches } from "./batches.ts";
import { closedError } from "./errors.ts";
import type { Link } from "./link.ts";
import { natsLimits } from "./limits.ts";
import { type Home, homesOf, laneFilters, revisionOf, sequenceUpTo } from "./names.ts";
import { OrderedReader } from "./ordered.ts";
import { type AckInfo, parseSubject, text } from "./parse-answers.ts";

interface Tail extends TailOptions {
  readonly lanes: number;
}

export async function* tailLog(link: Link, tail: Tail): AsyncGenerator<readonly LogEntry[]> {
  const { filter, signal, lanes } = tail;
  const homes = homesOf(checkLogFilter(filter), filter, lanes);
  link.requireUp("reading the log");
  if (signal.aborted) return;
  const readers: OrderedReader[] = [];
  const batches = new Batches<LogEntry>(natsLimits.tailAhead, {
    pause: () => readers.forEach((reader) => reader.pause()),
    resume: () => readers.forEach((reader) => reader.resume()),
  });
  for (const home of homes) readers.push(readerOf(link, { tail, home, batches }));
  const stop = (): void => batches.end();
  signal.addEventListener("abort", stop);
  const forget = link.onClose(() => batches.end(closedError()));
  try {
    yield* batches;
  } finally {
    signal.removeEventListener("abort", stop);
    forget();
    for (const reader of readers) reader.stop();
  }
}

function readerOf(
  link: Link,
  { tail, home, batches }: { tail: Tail; home: Home; batches: Batches<LogEntry> },
): OrderedReader {
  const behind = sequenceUpTo(behindIn(tail.after, home.lane), home);
  return new OrderedReader(link, {
    stream: home.stream,
    filters: laneFilters(tail.filter, home),
    from: { behind },
    take: (message, info) => {
      const entry = entryOf(message, info, home);
      if (entry !== undefined) batches.push(entry);
    },
    failed: (error) => batches.end(error),
  });
}

/** A subject that is none of ours was not written by us: it is passed over. */
function entryOf(message: Msg, info: AckInfo, home: Home): LogEntry | undefined {
  const subject = parseSubject(message.subject);
  if (subject === undefined) return undefined;
  return {
    subject,
    revision: revisionOf(info.streamSequence, home),
    body: text(message.data),
    atMs: info.atMs,
  };
}
