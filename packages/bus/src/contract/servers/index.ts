/** Real servers for tests: found, or unpacked into the user's cache, and ended by whoever started them. */
export { findNatsServer, natsServerMissing } from "./find-nats.ts";
export { type NatsServer, type NatsServerOptions, startNatsServer } from "./nats-server.ts";
export { serverCache, unpackNewest } from "./unpack.ts";
