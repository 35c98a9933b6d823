/** Opens the five ports on one connection to NATS. */
import type { Subject } from "@agentflow/protocol";
import { StreamBlobs } from "./blobs.ts";
import { connectNats } from "./connect.ts";
import { serveDoor } from "./door/serve.ts";
import { durabilityOf } from "./durability.ts";
import { Link } from "./link.ts";
import { Heard } from "./heard.ts";
import { JetStreamLog } from "./log.ts";
import type { NatsBus, NatsOptions, NatsWire, TurnedAway } from "./options.ts";
import { WorkQueue } from "./queue/queue.ts";
import { Streams } from "./streams.ts";
import { KvTable } from "./table.ts";
import { CoreWire } from "./wire.ts";

const settleMs = 1_000;

/**
 * Connects, and never gives the connection up again until `close`. Throws `refused` for a server that is too
 * old or another number of logs than the installation has, `unavailable` when there is no server, or (a
 * worker) nothing set up yet.
 */
export async function openNats(options: NatsOptions): Promise<NatsBus> {
  const inboxPrefix = options.inboxPrefix ?? "_INBOX.af";
  const nc = await connectNats(options, inboxPrefix);
  const link = new Link(nc, inboxPrefix);
  try {
    const streams = new Streams(link, options);
    const layout = await streams.open();
    const { archiver } = options;
    const purges = archiver === undefined ? link : await openArchiver(options, archiver);
    // The same link would be closed before what is said at the end was said.
    if (purges !== link) link.onClose(() => void purges.close());
    // A reader asks the server itself, as an owner does; whoever may not is told so.
    const of = { ...layout, purges, isOwner: streams.isOwner || options.role === "reader" };
    const log = new JetStreamLog(link, of);
    const queue = new WorkQueue({ link, streams, log });
    const table = new KvTable(link, of);
    const turnedAway = new Heard<TurnedAway>();
    const tell = (turned: TurnedAway): void => turnedAway.tell(turned);
    const consumer = (subject: Subject) => queue.consumer(subject);
    const shutDoor = streams.isOwner ? serveDoor({ link, table, log, tell, consumer }) : undefined;
    return {
      kind: "nats",
      durability: await durabilityOf(layout, options.monitor),
      log,
      queue,
      table,
      blobs: new StreamBlobs(link, of),
      wire: new CoreWire(link, tell),
      sizes: () => streams.sizes(layout.lanes),
      closed: link.closed,
      onRefused: (fn) => {
        const forget = [...new Set([link, purges])].map((one) => one.onRefused(fn));
        return () => forget.forEach((undo) => undo());
      },
      onTurnedAway: (fn) => turnedAway.listen(fn),
      close: () => close(link, async () => Promise.all([queue.settle(), shutDoor?.()])),
      get lastSuccessMs() {
        return link.lastSuccessMs;
      },
    };
  } catch (error) {
    await link.close();
    throw error;
  }
}

/**
 * The wire alone, for who asks and answers and has no right to anything that is stored. It makes nothing and
 * reads nothing when it is opened.
 */
export async function openNatsWire(options: Omit<NatsOptions, "role">): Promise<NatsWire> {
  const inboxPrefix = options.inboxPrefix ?? "_INBOX.af";
  const nc = await connectNats({ ...options, role: "worker" }, inboxPrefix);
  const link = new Link(nc, inboxPrefix);
  return { wire: new CoreWire(link, () => undefined), close: () => link.close() };
}

/** A connection of its own: on the other one nothing can be removed, whatever goes wrong there. */
async function openArchiver(
  options: NatsOptions,
  { credentials, inboxPrefix }: NonNullable<NatsOptions["archiver"]>,
): Promise<Link> {
  const { servers, name = "agentflow" } = options;
  const nc = await connectNats(
    { servers, name: `${name} archiver`, role: "owner", credentials },
    inboxPrefix,
  );
  return new Link(nc, inboxPrefix);
}

/** Who takes and who asks is ended first, so that what he never saw goes back, and is answered, in time. */
async function close(link: Link, settle: () => Promise<unknown>): Promise<void> {
  if (link.isClosed) return;
  link.ending();
  if (link.isUp) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, settleMs);
    });
    await Promise.race([settle(), late]);
    clearTimeout(timer);
  }
  await link.close();
}
