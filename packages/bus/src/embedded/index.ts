export { type FsyncTimes, measureFsync } from "./fsync.ts";
export { type OwnerLock, readOwner, takeLock } from "./lock.ts";
export type { BusNote } from "./notes.ts";
export { type EmbeddedBus, type EmbeddedOptions, openEmbedded } from "./open.ts";
export type { Owner } from "./parse-owner.ts";
export type { ClientOptions } from "./socket/client.ts";
export { connectEmbedded, type EmbeddedClient } from "./socket/connect.ts";
export { socketPathFor } from "./socket/paths.ts";
export { serveSocket, type ServeOptions, type SocketServer } from "./socket/server.ts";
