/**
 * One folder of recordings, told to a server of ours: every request in order, each answer compared. What a
 * story needs that was not recorded (objects that were there before) is made by `before`.
 */
import { expect, test, beforeAll, afterAll, describe } from "vitest";
import { at, isObject, textAt } from "../../src/json.ts";
import { startTestCluster, type TestCluster, type TestClusterOptions } from "../../src/index.ts";
import type { Json, JsonObject } from "../../src/object.ts";
import { parseJson } from "../../src/parse.ts";
import { type Exchange, transcripts } from "../objects/parse-transcript.ts";
import { Likeness } from "./likeness.ts";
import { notReproduced } from "./not-reproduced.ts";

export interface Stage {
  readonly cluster: TestCluster;
  readonly likeness: Likeness;
  /** A request of the cluster's admin; the body of its answer. */
  ask(method: string, path: string, body?: Json, type?: string): Promise<JsonObject>;
}

export interface Story {
  readonly folder: string;
  readonly cluster?: TestClusterOptions;
  readonly setUp?: (stage: Stage) => Promise<void>;
  /** Called before the exchange of that number: what went on between two recordings. */
  readonly before?: Readonly<Record<string, (stage: Stage) => Promise<void>>>;
  /** Goes on while that exchange is under way: what a watch sees. */
  readonly during?: Readonly<Record<string, (stage: Stage) => Promise<void>>>;
  /** The token that the exchange was sent with; undefined: none at all. Admin's where nothing is said. */
  readonly token?: (number: string, stage: Stage) => Promise<string | undefined>;
  /** Which parts of which answers are not given here, and why. A number, or `*` for all. */
  readonly leftOut?: readonly LeftOut[];
  /** The request as it is sent here: for those that were recorded with a note in the place of a body. */
  readonly request?: (number: string, exchange: Exchange) => Exchange["request"];
}

export interface LeftOut {
  readonly of: string;
  readonly paths: readonly string[];
  readonly why: string;
}

export function replay(story: Story): void {
  const left = notReproduced[story.folder] ?? {};
  describe(`recordings of ${story.folder}`, () => {
    let stage: Stage;
    beforeAll(async () => {
      const cluster = await startTestCluster({ plain: true, ...story.cluster });
      stage = { cluster, likeness: new Likeness(), ask: async (...of) => ask(cluster, ...of) };
      await story.setUp?.(stage);
    });
    afterAll(async () => stage.cluster.stop());
    const all = transcripts(story.folder);
    for (const exchange of all) {
      const number = numberOf(exchange);
      const why = left[number];
      const name = why === undefined ? exchange.file : `${exchange.file}, not reproduced: ${why}`;
      test.skipIf(why !== undefined)(name, async () => {
        await story.before?.[number]?.(stage);
        const differences = await tell(story, stage, exchange, number);
        expect(differences, exchange.file).toEqual([]);
      });
    }
  });
}

function numberOf(exchange: Exchange): string {
  return /\/(\d+)/.exec(exchange.file)?.[1] ?? "";
}

async function tell(story: Story, stage: Stage, exchange: Exchange, number: string): Promise<string[]> {
  const request = story.request?.(number, exchange) ?? exchange.request;
  const token = story.token === undefined ? stage.cluster.adminToken : await story.token(number, stage);
  const answered = send(stage, request, token);
  const [answer] = await Promise.all([answered, story.during?.[number]?.(stage)]);
  const { response } = exchange;
  const headers = ["content-type", "warning", "retry-after"].flatMap((name) => {
    const there = response.headers[name];
    const here = answer.headers.get(name) ?? undefined;
    return there === here
      ? []
      : [`header ${name}: ${there ?? "none"} was recorded, here it is ${here ?? "none"}`];
  });
  const leftOut = (story.leftOut ?? []).filter((one) => one.of === "*" || one.of === number);
  const paths = leftOut.flatMap((one) => one.paths);
  const status =
    answer.status === response.status
      ? []
      : [`status ${response.status} was recorded, here it is ${answer.status}`];
  const body = bodyOf(answer.text, response.stream !== undefined);
  const recorded: Json =
    response.stream?.map((one) => ({ type: one.type, object: one.object })) ?? response.body ?? "";
  const found = [...status, ...headers, ...stage.likeness.differences(recorded, body, paths)];
  return found.map((one) => (status.length > 0 ? `${one} (${answer.text.slice(0, 400)})` : one));
}

function bodyOf(text: string, isStream: boolean): Json {
  if (isStream) {
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map(parseJson).filter((one, index, all) => !isRepeated(one, all[index - 1]));
  }
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** Bookmarks come by the clock: two in a row say what one does. */
function isRepeated(one: Json, before: Json | undefined): boolean {
  const bookmark = (of: Json | undefined) => textAt(of, "type") === "BOOKMARK";
  return bookmark(one) && bookmark(before) && at(before, "object", "metadata", "annotations") === undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function send(stage: Stage, request: Exchange["request"], token: string | undefined): Promise<Answer> {
  const url = new URL(stage.likeness.translated(request.path), stage.cluster.server);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    url.searchParams.set(name, stage.likeness.translated(value));
  }
  const { body } = request;
  const text =
    body === undefined || body === null ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method: request.method,
    headers: {
      ...request.headers,
      // What a client is called is the manager of the fields that it writes.
      "user-agent": "agentflow/1.0",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(text === undefined ? {} : { body: stage.likeness.translated(text) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function ask(
  cluster: TestCluster,
  method: string,
  path: string,
  body?: Json,
  type = "application/json",
): Promise<JsonObject> {
  const response = await fetch(new URL(path, cluster.server), {
    method,
    headers: {
      authorization: `Bearer ${cluster.adminToken}`,
      "content-type": type,
      "user-agent": "agentflow/1.0",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = parseJson(await response.text());
  if (!response.ok)
    throw new Error(`${method} ${path}: ${textAt(answer, "message") ?? String(response.status)}`);
  return isObject(answer) ? answer : {};
}

export function configMap(
  name: string,
  more: { labels?: JsonObject; data?: JsonObject; finalizers?: readonly string[] } = {},
): JsonObject {
  const { data = { a: "1" }, ...metadata } = more;
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "af-demo", ...metadata }, data };
}

export const demo = "/api/v1/namespaces/af-demo";

export async function makeNamespace(stage: Stage, name = "af-demo"): Promise<void> {
  await stage.ask("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

/** A ServiceAccount without any right, and its token. */
export async function makeLimited(stage: Stage): Promise<string> {
  const account = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "limited", namespace: "af-demo" },
  };
  await stage.ask("POST", `${demo}/serviceaccounts`, account);
  const made = await stage.ask("POST", `${demo}/serviceaccounts/limited/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3600 },
  });
  return textAt(made, "status", "token") ?? "";
}

/** Asks again until the answer is what is waited for. */
export async function until(
  stage: Stage,
  path: string,
  done: (object: JsonObject) => boolean,
): Promise<void> {
  for (let round = 0; round < 400; round++) {
    if (done(await stage.ask("GET", path))) return;
    await new Promise((go) => setTimeout(go, 20));
  }
  throw new Error(`${path} did not become what was waited for`);
}
