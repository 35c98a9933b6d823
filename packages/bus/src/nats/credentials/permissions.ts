/** What each role may publish and listen to: exact subjects of NATS, nothing that holds another's. */
import { askSubject, epochSubject, layoutSubject, logStream, streamNames, taskConsumer } from "../names.ts";
import { natsLimits } from "../limits.ts";
import { subjects } from "@agentflow/protocol";
import { inboxOf, inboxRoot, type Role, type WorkerRole } from "./roles.ts";

export interface Permissions {
  readonly publish: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly subscribe: readonly string[];
}

/** Every list is spelled out: what a role does not need today it is refused. */
export function permissionsOf(role: Role): Permissions {
  const own = [`${inboxOf(role)}.>`];
  switch (role.kind) {
    case "control-plane":
      return { publish: { allow: ownerSubjects(), deny: [] }, subscribe: [...own, ...ownerHears] };
    case "archiver":
      return { publish: { allow: purges(), deny: [] }, subscribe: own };
    case "register":
      // One question to any control plane; it reads nothing of the bus, and writes nothing to it.
      return { publish: { allow: [subjects.reg(role.tenant)], deny: [] }, subscribe: own };
    default:
      return {
        publish: { allow: workerSubjects(role), deny: neverByWorkers(role) },
        subscribe: [...own, `af.task.${role.tenant}.*.*`],
      };
  }
}

const { task, dead, tele, audit, table, blob } = streamNames;
const logs = Array.from({ length: natsLimits.logsMax }, (_, lane) => logStream(lane));
const streams = [...logs, task, dead, tele, audit, table, blob];
/** Followed by readers of the control plane, each of which makes a consumer for itself and ends it. */
const followed = [...logs, dead, tele, audit, table];

const ownerHears = ["af.in.>", "af.live.>", "af.reg.*", "af.ask.*"];

function ownerSubjects(): string[] {
  return [
    "af.log.>",
    "af.task.>",
    "af.in.*.*",
    "af.dead.*.*",
    "af.audit.*",
    "af.tele.*.*",
    "af.live.*.*",
    "af.blob.>",
    `$KV.${table.slice("KV_".length)}.>`,
    epochSubject,
    layoutSubject,
    // Answers to whoever asked it, in its own account or (`_R_`) from another.
    `${inboxRoot}.>`,
    "_R_.>",
    "$JS.API.INFO",
    ...streams.flatMap((stream) => [
      `$JS.API.STREAM.INFO.${stream}`,
      `$JS.API.STREAM.CREATE.${stream}`,
      `$JS.API.STREAM.UPDATE.${stream}`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}.>`,
    ]),
    ...followed.flatMap((stream) => [
      `$JS.API.CONSUMER.CREATE.${stream}.>`,
      `$JS.API.CONSUMER.DELETE.${stream}.*`,
      // A reader that falls behind asks the server to wait.
      `$JS.FC.${stream}.>`,
    ]),
    `$JS.API.CONSUMER.CREATE.${task}.>`,
    `$JS.API.CONSUMER.INFO.${task}.*`,
    `$JS.API.CONSUMER.LIST.${task}`,
    `$JS.API.STREAM.MSG.DELETE.${task}`,
  ];
}

function purges(): string[] {
  return [...logs, blob].map((stream) => `$JS.API.STREAM.PURGE.${stream}`);
}

function workerSubjects(role: WorkerRole): string[] {
  const { tenant } = role;
  // Read alone: an owner writes them, for a header of the writer's could take all other rows away.
  const rows = `$KV.${table.slice("KV_".length)}.worker.${tenant}.*`;
  return [
    `${inboxOf(role)}.>`,
    // Reports, what takers tell each other, a task that goes back, one that is buried, lines, tokens.
    `af.in.*.${tenant}`,
    `af.task.${tenant}.*.*`,
    `af.task.${tenant}.*.*.*`,
    `af.dead.${tenant}.*`,
    `af.tele.${tenant}.*`,
    `af.live.${tenant}.*`,
    `af.blob.*.${tenant}.>`,
    // Journals of its agents: written, and the last record read; an owner reads the others to it.
    `af.log.*.${tenant}.turn.>`,
    ...logs.map((stream) => `$JS.API.DIRECT.GET.${stream}.af.log.*.${tenant}.turn.>`),
    askSubject(tenant),
    ...[layoutSubject, rows].map((subject) => `$JS.API.DIRECT.GET.${table}.${subject}`),
    `$JS.API.DIRECT.GET.${task}.${epochSubject}`,
    `$JS.API.DIRECT.GET.${blob}.af.blob.*.${tenant}.>`,
    ...consumersOf(role).flatMap((consumer) => [
      `$JS.API.CONSUMER.MSG.NEXT.${task}.${consumer}`,
      `$JS.ACK.${task}.${consumer}.>`,
    ]),
  ];
}

/** Definitions and archives are the control plane's: a worker reads them. */
function neverByWorkers({ tenant }: WorkerRole): string[] {
  return ["_def", "_archive"].map((folder) => `af.blob.*.${tenant}.${folder}.>`);
}

/** A consumer's name is one token of its subject: all names, or each. */
function consumersOf({ tenant, pools, builds }: WorkerRole): string[] {
  if (builds === "any") return ["*"];
  return pools.flatMap((pool) => builds.map((build) => taskConsumer(subjects.task({ tenant, pool, build }))));
}
