import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../../src/cluster.ts";
import type { ObjectEvent } from "../../src/store.ts";
import {
  type Change,
  changeOf,
  conditionsLine,
  eventIn,
  exchange,
  podLine,
  type RecordedEvent,
  recordedEvents,
  recordedWatch,
} from "./parse-recorded.ts";
import { until } from "./until.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({ plain: true, pods: "processes", pace: 20 });
  await send("POST", "/api/v1/namespaces", { metadata: { name: "af-demo" } });
});
afterAll(async () => {
  await cluster.stop();
});

async function send(method: string, path: string, body: object): Promise<void> {
  const type = method === "PATCH" ? "application/apply-patch+yaml" : "application/json";
  const headers = { authorization: `Bearer ${cluster.adminToken}`, "content-type": type };
  const url = `${cluster.server}${path}${method === "PATCH" ? "?fieldManager=agentflow" : ""}`;
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
  expect([200, 201]).toContain(answer.status);
}

/** The changes of one scenario, from its request to the moment at which each recorded end has been seen. */
async function play(name: string): Promise<Change[]> {
  const { request } = exchange("05-rollout", `${name}-apply.json`);
  const app = name === "02-update" ? "good" : (name.split("-")[1] ?? "");
  const mine = (event: ObjectEvent) =>
    event.key.namespace === "af-demo" && event.key.name.split("-")[0] === app;
  const kinds = ["pods", "replicasets.apps", "deployments.apps", "jobs.batch"];
  const recorded = expected(name);
  const seen: Change[] = [];
  const done = new Promise<void>((resolve) => {
    const end = cluster.store.subscribe((event) => {
      if (!mine(event) || !kinds.includes(event.key.resource)) return;
      seen.push(changeOf(event));
      if (!reaches(linesOf(seen), recorded)) return;
      end();
      resolve();
    });
  });
  await send(request.method, request.path, typeof request.body === "object" ? request.body : {});
  await done;
  return seen;
}

/** By object: each Deployment, ReplicaSet, Job and Pod on its own, in the order of their first change. */
function linesOf(changes: readonly Change[]): string[][] {
  const objects = new Map<string, Change[]>();
  for (const change of changes) {
    const id = `${change.resource} ${change.object.metadata.name}`;
    objects.set(id, [...(objects.get(id) ?? []), change]);
  }
  return [...objects.values()].map((own) => [
    own[0]?.resource ?? "",
    ...once(own.map((change) => (change.resource === "pods" ? podLine(change) : conditionsLine(change)))),
  ]);
}

/** Of the crash loop only the first rounds: the others differ in their count alone. */
function expected(name: string): string[][] {
  const lines = linesOf(recordedWatch(name));
  return name === "04-crash" ? lines.map((own) => own.slice(0, 12)) : lines;
}

/** Each in the order in which it came first: what goes round and round goes round once. */
function once(lines: readonly string[]): string[] {
  return [...new Set(lines)];
}

function reaches(seen: readonly string[][], recorded: readonly string[][]): boolean {
  return recorded.every((lines) => seen.filter((own) => same(own, lines)).length >= countOf(recorded, lines));
}

function countOf(all: readonly string[][], lines: readonly string[]): number {
  return all.filter((own) => own.join("\n") === lines.join("\n")).length;
}

/** It begins as recorded: what comes later the recorder no longer saw. */
function same(own: readonly string[], recorded: readonly string[]): boolean {
  return recorded.every((line, index) => own[index] === line);
}

const scenarios = [
  "01-good",
  "02-update",
  "03-badimage",
  "04-crash",
  "05-unsched",
  "06-unready",
  "07-noconfig",
  "08-badcmd",
  "09-nopull",
  "10-badname",
  "11-nomount",
  "12-nonroot",
  "14-live",
  "15-noruntime",
  "16-jobok",
  "17-jobfail",
];

test.each(scenarios)("a client that watches sees what was recorded: %s", async (name) => {
  const recorded = expected(name);
  const seen = linesOf(await play(name));
  for (const lines of recorded) expect(closest(seen, lines)).toEqual(lines);
  if (withoutEvents.includes(name)) return;
  const wanted = once(recordedEvents(name).map(eventLine)).sort();
  const app = name.split("-")[1] ?? "";
  await until(cluster.store, () => {
    const own = ownEvents(app);
    return wanted.every((line) => own.includes(line));
  });
  expect(ownEvents(app)).toEqual(expect.arrayContaining(wanted));
});

// The recorder kept none of them.
const withoutEvents = ["02-update", "16-jobok", "17-jobfail"];

function ownEvents(app: string): string[] {
  const all = cluster.store.list("events", "af-demo").map(eventIn);
  return all.filter((one) => one.involvedObject.name.split("-")[0] === app).map(eventLine);
}

/** Names, uids and the address of a name server vary from run to run. */
function eventLine({ type, reason, message, involvedObject }: RecordedEvent): string {
  const steady = message
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<uid>")
    .replaceAll(/\b([a-z]+)-[a-z0-9]{8,10}(-[a-z0-9]{5})?(?![a-z0-9])/g, "$1-<hash>")
    .replaceAll(/on [0-9.]+:53/g, "on <dns>")
    .replaceAll(/docker\.io\/library\//g, "");
  return `${type} ${reason} ${involvedObject.kind} ${involvedObject.fieldPath ?? ""} ${steady}`;
}

/** The object that went most nearly as this one, as far as that was recorded. */
function closest(seen: readonly string[][], lines: readonly string[]): string[] | undefined {
  const own = seen.filter(([resource]) => resource === lines[0]);
  const agrees = (one: readonly string[]) => lines.filter((line, index) => one[index] === line).length;
  return own.sort((one, other) => agrees(other) - agrees(one))[0]?.slice(0, lines.length);
}
