import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startTestCluster, type TestCluster } from "../../src/cluster.ts";
import { exchange, type Frame, names, type RecordedExchange, seenIn } from "./parse-recorded.ts";

let cluster: TestCluster;
let site: Server;
let port = 0;
const pods = "/api/v1/namespaces/af-demo/pods";

beforeAll(async () => {
  cluster = await startTestCluster({ plain: true, pods: "processes", pace: 20 });
  await post("/api/v1/namespaces", { metadata: { name: "af-demo" } });
  const main = {
    name: "main",
    image: "bbsh:1",
    command: ["/bin/sh", "-c", "while true; do sleep 0.1; done"],
  };
  const spec = { terminationGracePeriodSeconds: 0, containers: [main] };
  for (const name of ["shell", "victim"]) await post(pods, { metadata: { name }, spec });
  await post(pods, { metadata: { name: "pend" }, spec: { ...spec, nodeSelector: { none: "true" } } });
  await until("shell", (found) => found?.phase === "Running");
  await until("victim", (found) => found?.phase === "Running");
  await post("/api/v1/namespaces/af-demo/serviceaccounts", { metadata: { name: "limited" } });
  // What listens in a pod of this host listens on this host.
  site = createServer((_, answer) => answer.writeHead(200, { connection: "close" }).end("hello\n"));
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  port = addressOf(site).port;
});
afterAll(async () => {
  await cluster.stop();
  site.close();
});

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("it does not listen");
  return address;
}

async function post(path: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${cluster.adminToken}`, "content-type": "application/json" };
  const answer = await fetch(`${cluster.server}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(201);
}

type Status = ReturnType<typeof seenIn>["status"];

function until(name: string, holds: (status: Status) => boolean): Promise<void> {
  const found = () => {
    const object = cluster.store.get({ resource: "pods", namespace: "af-demo", name });
    return object === undefined ? undefined : seenIn(object).status;
  };
  return new Promise((resolve) => {
    if (holds(found())) {
      resolve();
      return;
    }
    const end = cluster.store.subscribe(() => {
      if (!holds(found())) return;
      end();
      resolve();
    });
  });
}

function open({ request }: RecordedExchange, change: (query: URLSearchParams) => void = () => undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    for (const one of [value].flat()) query.append(name, one);
  }
  change(query);
  const offered = request.headers["sec-websocket-protocol"];
  const protocols = offered === undefined ? [] : offered.split(", ");
  const path = request.path.replace(
    "shell/",
    query.getAll("command").some((word) => word.includes("sleep 60")) ? "victim/" : "shell/",
  );
  const url = `${cluster.server.replace("http", "ws")}${path}?${query.toString()}`;
  return new WebSocket(url, protocols, { headers: { authorization: `Bearer ${cluster.adminToken}` } });
}

interface Told {
  readonly protocol: string;
  /** Each channel's whole text; pieces have no meaning. */
  readonly channels: Map<number, string>;
  readonly closed: number;
}

/** Sends what the recorded client sent, in its turn, and reads until the server closes. */
function tell(socket: WebSocket, frames: readonly Frame[], text = false): Promise<Told> {
  const channels = new Map<number, string>();
  // Its answer to the server's close is the library's.
  const over = frames.findIndex((frame) => frame.from === "server" && frame.opcode === "close");
  const sent = frames.filter((frame, index) => frame.from === "client" && (over < 0 || index < over));
  const send = () => {
    const frame = sent.shift();
    if (frame === undefined) return;
    if (frame.opcode === "close") socket.close(1000);
    else socket.send(Buffer.concat([Buffer.of(frame.channel ?? 0), Buffer.from(frame.data ?? "")]));
  };
  return new Promise((resolve, reject) => {
    socket.on("message", (data: Buffer) => {
      const channel = text ? Number(data.toString("utf8", 0, 1)) : (data[0] ?? 0);
      const own = text ? Buffer.from(data.toString("utf8", 1), "base64") : data.subarray(1);
      channels.set(channel, `${channels.get(channel) ?? ""}${own.toString("latin1")}`);
      send();
    });
    socket.on("error", reject);
    socket.on("close", (closed) => resolve({ protocol: socket.protocol, channels, closed }));
  });
}

function recordedChannels(frames: readonly Frame[]): Map<number, string> {
  const channels = new Map<number, string>();
  for (const { from, channel, data, opcode } of frames) {
    if (from !== "server" || channel === undefined || opcode === "close") continue;
    channels.set(channel, `${channels.get(channel) ?? ""}${data ?? ""}`);
  }
  return channels;
}

const programs = [
  "01-exec-echo-v5.json",
  "02-exec-echo-v4.json",
  "03-exec-all-protocols.json",
  "04-exec-exit-code.json",
  "05-exec-stdin-v5-close.json",
  "06-exec-stdin-v4-no-close.json",
];

test.each(programs)("a program runs as recorded: %s", async (name) => {
  const recorded = exchange("08-streams", name);
  const frames = recorded.frames ?? [];
  const told = await tell(open(recorded), frames);
  expect(told.protocol).toBe(recorded.response.headers["sec-websocket-protocol"]);
  expect(told.channels).toEqual(recordedChannels(frames));
});

test("in base64 each message is text, and there is no Status", async () => {
  const recorded = exchange("08-streams", "14-exec-base64-protocol.json");
  const told = await tell(open(recorded), [], true);
  expect(told.channels).toEqual(new Map([[1, "hello\n"]]));
});

test.each(["08-exec-no-such-command.json", "11-exec-no-command.json"])(
  "a program that cannot be started is said on the channel of the Status: %s",
  async (name) => {
    const told = await tell(open(exchange("08-streams", name)), []);
    expect([...told.channels.keys()]).toEqual([1, 3]);
    const status: unknown = JSON.parse(told.channels.get(3) ?? "");
    expect(status).toMatchObject({ status: "Failure", reason: "InternalError" });
    expect(told.channels.get(3)).toContain(
      "error executing command in container: failed to exec in container",
    );
  },
);

test("with a terminal, both outputs are one and lines end as terminals end them", async () => {
  const recorded = exchange("08-streams", "07-exec-tty-resize.json");
  const command = (query: URLSearchParams) => {
    query.delete("command");
    for (const word of ["/bin/sh", "-c", "echo out; echo err >&2"]) query.append("command", word);
  };
  const told = await tell(open(recorded, command), []);
  expect(told.channels.get(1)).toBe("out\r\nerr\r\n");
});

test("a program whose pod is deleted ends with it", async () => {
  const recorded = exchange("08-streams", "28-exec-pod-deleted.json");
  const socket = open(recorded);
  const told = tell(socket, []);
  const started = new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer) => data.includes("start") && resolve());
  });
  await started;
  const headers = { authorization: `Bearer ${cluster.adminToken}` };
  await fetch(`${cluster.server}${pods}/victim`, { method: "DELETE", headers });
  expect((await told).channels.get(3)).toBe(recordedChannels(recorded.frames ?? []).get(3));
});

test("ports are forwarded in channels; where nobody listens is said on a channel of its own", async () => {
  const recorded = exchange("08-streams", "18-portforward-two-ports.json");
  const shut = createServer();
  shut.listen(0, "127.0.0.1");
  await once(shut, "listening");
  const closed = addressOf(shut).port;
  shut.close();
  await once(shut, "close");
  const socket = open(recorded, (query) => {
    query.delete("ports");
    query.append("ports", `${port}`);
    query.append("ports", `${closed}`);
  });
  socket.on("open", () => socket.send(Buffer.concat([Buffer.of(0), Buffer.from("GET / HTTP/1.0\r\n\r\n")])));
  const { channels, protocol } = await tell(socket, []);
  const numbered = (number: number) => Buffer.of(number & 255, number >> 8).toString("latin1");
  expect(protocol).toBe("v4.channel.k8s.io");
  expect([...channels.keys()].toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3]);
  expect(channels.get(0)?.startsWith(numbered(port))).toBe(true);
  expect(channels.get(0)?.endsWith("hello\n")).toBe(true);
  expect(channels.get(1)).toBe(numbered(port));
  expect(channels.get(2)).toBe(numbered(closed));
  expect(channels.get(3)).toContain(`error forwarding port ${closed} to pod`);
});

const refused = names("08-streams").filter((name) => {
  const { status } = exchange("08-streams", name).response;
  return status !== 101 && !name.includes("forbidden") && !name.includes("without-upgrade");
});

test.each(refused)("no upgrade, but the recorded answer: %s", async (name) => {
  const recorded = exchange("08-streams", name);
  const socket = open(recorded);
  const [, answer] = await once(socket, "unexpected-response");
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(Buffer.from(part));
  const text = Buffer.concat(parts).toString();
  const type = answer.headers["content-type"];
  expect([answer.statusCode, type]).toEqual([
    recorded.response.status,
    recorded.response.headers["content-type"],
  ]);
  const { body } = recorded.response;
  if (typeof body === "object" && body !== null) expect(JSON.parse(text)).toEqual(recorded.response.body);
  else expect(text).toBe(body ?? "");
});

test.each(["15-exec-without-upgrade.json", "16-exec-post-without-upgrade.json"])(
  "without an upgrade it is asked for: %s",
  async (name) => {
    const { request, response } = exchange("08-streams", name);
    const headers = { authorization: `Bearer ${cluster.adminToken}` };
    const answer = await fetch(`${cluster.server}${request.path}?command=echo&stdout=true`, {
      method: request.method,
      headers,
    });
    expect([answer.status, await answer.json()]).toEqual([response.status, response.body]);
  },
);
