/** The bus on NATS JetStream. */
export { openNats, openNatsWire } from "./open.ts";
export type { NatsBus, NatsCredentials, NatsOptions, NatsWire, Refused, TurnedAway } from "./options.ts";
export { type AuthUser, writeAccountsConf, writeAuthConf } from "./credentials/auth-conf.ts";
export { type Identity, identityFrom, makeIdentity } from "./credentials/identity.ts";
export { inboxOf, type Role, roleName, type WorkerRole } from "./credentials/roles.ts";
export { examineNats } from "./doctor/examine.ts";
export type { ConsumerReport, NatsReport, StreamReport, Used } from "./doctor/report.ts";
