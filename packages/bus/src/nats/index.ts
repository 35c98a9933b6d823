/** The bus on NATS JetStream. */
export { openNats } from "./open.ts";
export type { LogPosition, NatsBus, NatsCredentials, NatsLog, NatsOptions } from "./options.ts";
export { type NatsPermissions, type WorkerIdentity, workerPermissions } from "./permissions.ts";
