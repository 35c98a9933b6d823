/** The newest message of each subject below a pattern: in one answer when they are few, read through else. */
import { connectionLost } from "./errors.ts";
import type { Link } from "./link.ts";
import { streamNames } from "./names.ts";
import { OrderedReader } from "./ordered.ts";
import { parseDirect, type StoredMessage } from "./parse-answers.ts";

const stream = streamNames.table;

export async function listRows(
  link: Link,
  of: { readonly filter: string; readonly hasCopies: boolean },
): Promise<readonly StoredMessage[]> {
  // With copies a direct answer may be older than this client's own writes.
  const few = of.hasCopies ? undefined : await fewRows(link, of.filter);
  return few ?? readThrough(link, of.filter);
}

/** Undefined when there are more than the server gives at once. */
async function fewRows(link: Link, filter: string): Promise<StoredMessage[] | undefined> {
  const found: StoredMessage[] = [];
  const last = await link.collect(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify({ multi_last: [filter] }), {
    doing: "reading the table",
    collect: (answer) => {
      if (answer.headers?.get("Nats-Sequence") === "") return true;
      found.push(parseDirect(answer));
      return false;
    },
  });
  return last.headers?.code === 413 ? undefined : found;
}

function readThrough(link: Link, filter: string): Promise<StoredMessage[]> {
  return new Promise((resolve, reject) => {
    const found: StoredMessage[] = [];
    const forget = link.onDisconnect(() => {
      reader.stop();
      // Made anew it would go on; but who asks for a list waits for an answer, not for a connection.
      reject(connectionLost("reading the table"));
    });
    const reader: OrderedReader = new OrderedReader(link, {
      stream,
      filters: [filter],
      from: "newest of each",
      take: (message, info) =>
        void found.push({
          subject: message.subject,
          sequence: info.streamSequence,
          atMs: info.atMs,
          data: message.data,
          header: (name) => message.headers?.get(name) ?? "",
        }),
      caughtUp: () => {
        forget();
        reader.stop();
        resolve(found);
      },
      failed: (error) => {
        forget();
        reject(error);
      },
    });
  });
}
