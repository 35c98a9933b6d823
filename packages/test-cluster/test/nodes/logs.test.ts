import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../../src/cluster.ts";
import { exchange, names, seenIn, textOf } from "./parse-recorded.ts";
import { until } from "./until.ts";

let cluster: TestCluster;
const pods = "/api/v1/namespaces/af-demo/pods";

beforeAll(async () => {
  cluster = await startTestCluster({ plain: true, pods: "processes", pace: 20 });
  await post("/api/v1/namespaces", { metadata: { name: "af-demo" } });
  const ten = 'i=1; while [ $i -le 10 ]; do echo "{\\"line\\":$i}"; i=$((i+1)); done';
  // Ticks come when they are asked for: by a file, not by a clock.
  const ticks =
    "n=14; while true; do if [ -e tick ]; then rm tick; echo tick $n; n=$((n+1)); fi; sleep 0.02; done";
  const three = "echo tick 11; echo tick 12; echo tick 13";
  // Two outputs have no order between them: the second begins when the first has been read.
  const go = "while [ ! -e go ]; do sleep 0.02; done";
  const talk = `trap 'echo bye; exit 0' TERM; echo to stderr >&2; ${go}; ${ten}; ${three}; ${ticks}`;
  await pod("talker", { containers: [shell("main", talk)] });
  await pod("two", {
    containers: [shell("main", "echo main; sleep 60"), shell("side", "echo side; sleep 60")],
  });
  await pod("waiting", { containers: [{ ...shell("main", "true"), image: "registry.invalid/no/such:1" }] });
  await pod("initing", {
    initContainers: [shell("wait", "echo init; sleep 60")],
    containers: [shell("main", "true")],
  });
  await pod("nowhere", { nodeSelector: { "af.dev/none": "true" }, containers: [shell("main", "true")] });
  const crash = 'echo "starting up"; echo "fatal: cannot reach the bus" >&2; exit 3';
  await pod("crash", { containers: [shell("main", crash)] });
  const failing = shell("main", 'echo "no such table" >&2; exit 2');
  await pod("jobfail", { restartPolicy: "Never", containers: [failing] });
  await until(cluster.store, () => status("talker")?.containerStatuses?.[0]?.state.running !== undefined);
  await until(
    cluster.store,
    () => status("two")?.containerStatuses?.every((one) => one.state.running !== undefined) === true,
  );
  await until(
    cluster.store,
    () => status("waiting")?.containerStatuses?.[0]?.state.waiting?.reason === "ErrImagePull",
  );
  await until(
    cluster.store,
    () => status("initing")?.initContainerStatuses?.[0]?.state.running !== undefined,
  );
  await until(cluster.store, () => (status("crash")?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
  await until(
    cluster.store,
    () => status("crash")?.containerStatuses?.[0]?.state.waiting?.reason === "CrashLoopBackOff",
  );
  await until(cluster.store, () => status("jobfail")?.phase === "Failed");
  await untilPrinted("talker", "to stderr\n");
  await inTalker("touch go");
  await untilPrinted("talker", "tick 13\n");
  await untilPrinted("two", "side\n", "container=side");
  await untilPrinted("initing", "init\n", "container=wait");
});
afterAll(async () => {
  await cluster.stop();
});

function shell(name: string, script: string) {
  return { name, image: "bbsh:1", imagePullPolicy: "IfNotPresent", command: ["/bin/sh", "-c", script] };
}

async function pod(name: string, spec: object): Promise<void> {
  await post(pods, { metadata: { name }, spec: { terminationGracePeriodSeconds: 2, ...spec } });
}

async function post(path: string, body: object): Promise<void> {
  const answer = await ask("POST", path, body);
  expect(`${answer.status} ${answer.status === 201 ? "" : await answer.text()}`).toBe("201 ");
}

function ask(method: string, path: string, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${cluster.adminToken}`, "content-type": "application/json" };
  return fetch(`${cluster.server}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

function status(name: string) {
  const found = cluster.store.get({ resource: "pods", namespace: "af-demo", name });
  return found === undefined ? undefined : seenIn(found).status;
}

/** Reads along until it comes. */
async function untilPrinted(name: string, text: string, query = ""): Promise<void> {
  const answer = await ask("GET", `${pods}/${name}/log?follow=true&${query}`);
  let read = "";
  for await (const chunk of answer.body ?? []) {
    read += Buffer.from(chunk).toString();
    if (read.includes(text)) return;
  }
  throw new Error(`${name} ended with ${read}`);
}

async function inTalker(script: string): Promise<void> {
  const command = ["/bin/sh", "-c", script];
  const query = new URLSearchParams([...command.map((word) => ["command", word]), ["stdout", "true"]]);
  const url = `${cluster.server.replace("http", "ws")}${pods}/talker/exec?${query.toString()}`;
  const { WebSocket } = await import("ws");
  const headers = { authorization: `Bearer ${cluster.adminToken}` };
  const socket = new WebSocket(url, ["v5.channel.k8s.io"], { headers });
  await new Promise((resolve, reject) => {
    socket.on("close", resolve);
    socket.on("error", reject);
  });
}

/** Two outputs of one container come in no order between them; times vary. */
function steady(text: string): string[] {
  return text
    .replaceAll(/^\d{4}-\d\d-\d\dT[\d:.]+Z/gm, "<time>")
    .split("\n")
    .sort();
}

// Time windows and streams are shown further down, by what they promise, not by the recording's clock.
const apart = ["04-since-time.json", "05-since-seconds.json", "24-follow.json", "25-follow-deleted.json"];
const gone = ["26-while-terminating-200.json", "27-gone-404.json"];
const told = names("07-logs").filter((name) => !apart.includes(name) && !gone.includes(name));

test.each(told)("the log answers as recorded: %s", async (name) => {
  const recorded = exchange("07-logs", name);
  const { request, response } = recorded;
  const path = request.path.replace(/(crash|jobfail)-[a-z0-9-]+\//, "$1/");
  const query = new URLSearchParams(
    Object.entries(request.query ?? {}).map(([key, value]) => [key, [value].flat().join()]),
  );
  const answer = await ask("GET", `${path}?${query.toString()}`);
  expect(answer.status).toBe(response.status);
  expect(answer.headers.get("content-type") ?? undefined).toBe(response.headers["content-type"]);
  const text = await answer.text();
  if (typeof response.body === "object" && response.body !== null) {
    // Whether it tries just now or waits to is a matter of time.
    const steadied = text.replace("trying and failing to pull image", "image can't be pulled");
    expect(JSON.parse(steadied)).toEqual(recorded.response.body);
  } else if (name === "06-limit-bytes.json") expect(text).toHaveLength(20);
  else expect(steady(text)).toEqual(steady(textOf(recorded)));
});

test("since a time, only what came after it", async () => {
  const all = await (await ask("GET", `${pods}/talker/log?timestamps=true`)).text();
  const last = all.trim().split("\n").at(-1) ?? "";
  const later = new Date(Date.parse(last.split(" ")[0] ?? "") + 1).toISOString();
  const since = async (time: string) => (await ask("GET", `${pods}/talker/log?sinceTime=${time}`)).text();
  expect(await since(later)).toBe("");
  expect(steady(await since("2020-01-01T00:00:00Z"))).toEqual(steady(all.replaceAll(/^\S+ /gm, "")));
  expect(await (await ask("GET", `${pods}/talker/log?sinceSeconds=3600&tailLines=1`)).text()).toBe(
    "tick 13\n",
  );
});

test("who follows reads each line as it comes, and the end when the pod is deleted", async () => {
  const following = await ask("GET", `${pods}/talker/log?follow=true&tailLines=1`);
  const reader = following.body?.getReader();
  const next = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
  expect(await next()).toBe("tick 13\n");
  await inTalker("touch tick");
  expect(await next()).toBe("tick 14\n");
  await ask("DELETE", `${pods}/talker`);
  expect((await ask("GET", `${pods}/talker/log`)).status).toBe(
    exchange("07-logs", gone[0] ?? "").response.status,
  );
  expect(await next()).toBe("bye\n");
  expect((await reader?.read())?.done).toBe(true);
  await until(cluster.store, () => status("talker") === undefined);
  const answer = await ask("GET", `${pods}/talker/log`);
  const recorded = exchange("07-logs", gone[1] ?? "");
  expect([answer.status, await answer.json()]).toEqual([recorded.response.status, recorded.response.body]);
});
