import type { Bus } from "../../port/index.ts";
import { Client, type ClientOptions } from "./client.ts";
import { ClientBlobs } from "./client-blobs.ts";
import { ClientLog } from "./client-log.ts";
import { ClientQueue } from "./client-queue.ts";
import { ClientTable } from "./client-table.ts";
import { ClientWire } from "./client-wire.ts";

/** The bus as another process than its owner has it. */
export interface EmbeddedClient extends Bus {
  readonly kind: "embedded-client";
  /** Breaks the connection as a fault would; it comes back by itself. */
  cutConnection(): void;
}

/**
 * Connects to the owner's socket. Resolves once it has answered; throws `unavailable` when nobody does within
 * `offlineMs`, `unauthenticated` for a wrong token, `refused` for an owner of another version. Later it finds
 * its owner again by itself: tails, takes, servers and subscribers go on.
 */
export async function connectEmbedded(options: ClientOptions): Promise<EmbeddedClient> {
  const client = new Client(options);
  await client.greeted();
  return {
    kind: "embedded-client",
    durability: client.durability,
    log: new ClientLog(client),
    queue: new ClientQueue(client),
    table: new ClientTable(client),
    blobs: new ClientBlobs(client),
    wire: new ClientWire(client),
    // Its owner is asked, not its clients.
    sizes: async () => [],
    closed: client.closed,
    cutConnection: () => client.link?.cut(),
    close: async () => client.finish(undefined),
  };
}
