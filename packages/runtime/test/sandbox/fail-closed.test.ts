/** A sandbox that cannot be had is a failure that says why. Whatever is missing, user code does not run. */
import { createServer } from "node:http";
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { planSandbox } from "@agentflow/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sandboxed, workerImage } from "./kit.ts";

const missing = await engineMissing();
let image = "";

if (missing === undefined) {
  beforeAll(async () => {
    image = await workerImage();
  }, 180_000);
}

function onEngine(name: string, check: () => Promise<void>, timeoutMs = 60_000): void {
  test.skipIf(missing !== undefined)(name, check, timeoutMs);
}

/** Refused, for that reason, before anything ran. */
async function refuses(settings: Parameters<typeof sandboxed>[0]["settings"], says: RegExp): Promise<void> {
  const box = await sandboxed({
    image,
    body: "return 'ran';",
    ...(settings === undefined ? {} : { settings }),
  });
  await expect(box.call()).rejects.toMatchObject({
    code: "unavailable",
    reason: "sandbox_unavailable",
    message: expect.stringMatching(says),
  });
  await box.close();
}

onEngine(`no engine ${missing ?? ""}`, () => refuses({ host: undefined }, /no Docker engine/));

onEngine(`an engine that does not answer ${missing ?? ""}`, () =>
  refuses({ host: "unix:///nowhere/docker.sock" }, /no Docker engine answers at unix:\/\/\/nowhere/),
);

onEngine(`an address that a worker cannot use ${missing ?? ""}`, () =>
  refuses({ host: "ssh://someone@elsewhere" }, /ssh:\/\/someone@elsewhere/),
);

onEngine(`an image that is not there ${missing ?? ""}`, () =>
  refuses(
    { host: hostOf(), image: "agentflow-test/nowhere:1" },
    /agentflow-test\/nowhere:1 is not on the engine/,
  ),
);

onEngine(`a runtime that the engine does not have ${missing ?? ""}`, () =>
  refuses({ host: hostOf(), image, runtime: "no-such-runtime" }, /no-such-runtime/),
);

onEngine(
  `an image without our program, also for a call that may not be repeated ${missing ?? ""}`,
  async () => {
    const { node } = await baseImages(await testEngine());
    const of = { image: node, body: "return 1;", effect: "irreversible" } as const;
    const box = await sandboxed(of);
    expect(await box.call()).toMatchObject({ kind: "failed", failure: { code: "sandbox_unavailable" } });
    await box.close();
  },
  60_000,
);

onEngine(
  `what a predecessor left is removed before the first call of its successor ${missing ?? ""}`,
  async () => {
    const settings = { owner: `test-${process.pid}` };
    const before = await sandboxed({
      image,
      body: "await new Promise((go) => setTimeout(go, 60_000));",
      settings,
    });
    const left = await before.start();
    const after = await sandboxed({ image, body: "return 'well';", settings });
    expect(await after.call()).toMatchObject({ kind: "output", output: "well" });
    expect(await left.end).toMatchObject({ kind: "failed", failure: { code: "sandbox_exited" } });
    await before.close();
    await after.close();
  },
  60_000,
);

onEngine(
  `a host that the project does not allow ${missing ?? ""}`,
  async () => {
    const box = await sandboxed({ image, body: "return 1;", sandbox: { network: ["example.com:443"] } });
    await expect(box.call()).rejects.toMatchObject({
      reason: "sandbox_refused",
      message: expect.stringContaining("example.com:443"),
    });
    await box.close();
  },
  60_000,
);

function hostOf(): string {
  return process.env["AF_TEST_SANDBOX_HOST"] ?? found;
}
let found = "";
if (missing === undefined) found = (await testEngine()).host;

/** An engine that answers as it is told to: old ones, and such that give less than was asked for. */
const answers = new Map<string, object>();
const sent: { method: string; url: string }[] = [];
const engine = createServer((request, response) => {
  const url = request.url ?? "";
  sent.push({ method: request.method ?? "", url });
  const [, answer] = [...answers].find(([part]) => url.includes(part)) ?? [];
  if (answer === undefined) response.statusCode = 404;
  response.end(JSON.stringify(answer ?? { message: "no such thing" }));
});
engine.on(
  "upgrade",
  (_request, socket) =>
    void socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"),
);
let fake = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
  const address = engine.address();
  fake = `tcp://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
afterAll(() => engine.close());

const good = {
  "/version": { Version: "20.10.24", ApiVersion: "1.41" },
  "/info": {
    MemoryLimit: true,
    PidsLimit: true,
    CpuCfsQuota: true,
    SecurityOptions: ["name=seccomp,profile=default"],
    DefaultRuntime: "runc",
  },
  "/images/": { Id: "sha256:abc" },
  "/containers/json": [],
  "/containers/create": { Id: "c1" },
  "/start": {},
  "/wait": {},
};
const mib = 1024 * 1024;
const strict = {
  Image: "sha256:abc",
  Config: { User: "1000:1000" },
  Mounts: [],
  NetworkSettings: { Networks: { none: {} } },
  HostConfig: {
    NetworkMode: "none",
    Privileged: false,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    CapAdd: null,
    SecurityOpt: ["no-new-privileges"],
    Memory: 256 * mib,
    MemorySwap: 256 * mib,
    PidsLimit: 64,
    NanoCpus: 1e9,
    PidMode: "",
    IpcMode: "none",
    Devices: [],
    Tmpfs: { "/tmp": "size=64m" },
  },
};

async function withEngine(changes: { readonly [path: string]: object }, says: RegExp): Promise<void> {
  answers.clear();
  sent.length = 0;
  for (const [path, answer] of Object.entries({ ...good, "/c1/json": strict, ...changes }))
    answers.set(path, answer);
  const box = await sandboxed({ image: "x", body: "return 1;", settings: { host: fake, image: "x" } });
  await expect(box.call()).rejects.toMatchObject({
    reason: "sandbox_unavailable",
    message: expect.stringMatching(says),
  });
  await box.close();
}

test("the image of a project that is called worker is not taken for the workers' own", async () => {
  const listed = [
    { Id: "sha256:foreign", Created: 2, Labels: { "dev.agentflow.image": "project" } },
    { Id: "sha256:ours", Created: 1, Labels: { "dev.agentflow.image": "worker" } },
  ];
  answers.clear();
  sent.length = 0;
  for (const [path, answer] of Object.entries({ "/images/json": listed, ...good })) answers.set(path, answer);
  const box = await sandboxed({ image: "x", body: "return 1;", settings: { host: fake, image: undefined } });
  await expect(box.call()).rejects.toMatchObject({ reason: "sandbox_unavailable" });
  const asked = sent.filter(({ url }) => url.startsWith("/images/sha256"));
  expect(asked.map(({ url }) => decodeURIComponent(url))).toEqual(["/images/sha256:ours/json"]);
  await box.close();
});

test("an engine that is too old", () =>
  withEngine({ "/version": { Version: "18.09", ApiVersion: "1.39" } }, /too old \(API 1\.39\)/));

test.each([
  ["MemoryLimit", /cannot limit memory/],
  ["PidsLimit", /cannot limit processes/],
  ["CpuCfsQuota", /cannot limit cores/],
])("an engine without %s", (key, says) => withEngine({ "/info": { ...good["/info"], [key]: false } }, says));

test("an engine without a filter of system calls", () =>
  withEngine({ "/info": { ...good["/info"], SecurityOptions: [] } }, /seccomp/));

const host = strict.HostConfig;
test.each<[string, object, RegExp]>([
  ["a network", { HostConfig: { ...host, NetworkMode: "bridge" } }, /network: "bridge"/],
  ["a second network", { NetworkSettings: { Networks: { none: {}, bridge: {} } } }, /networks: "bridge"/],
  ["no limit of memory", { HostConfig: { ...host, Memory: 0 } }, /memory: 0 instead of/],
  ["swap", { HostConfig: { ...host, MemorySwap: -1 } }, /memory and swap: -1/],
  ["no limit of processes", { HostConfig: { ...host, PidsLimit: null } }, /processes: null/],
  ["a root that can be written", { HostConfig: { ...host, ReadonlyRootfs: false } }, /read-only root/],
  ["capabilities", { HostConfig: { ...host, CapDrop: null } }, /capabilities dropped/],
  ["new privileges", { HostConfig: { ...host, SecurityOpt: null } }, /no new privileges/],
  ["another user", { Config: { User: "" } }, /user: ""/],
  ["another image", { Image: "sha256:def" }, /image: "sha256:def"/],
  [
    "the engine's socket",
    { Mounts: [{ Type: "bind", Source: "/var/run/docker.sock", RW: false }] },
    /docker\.sock that nobody asked for/,
  ],
  ["an answer that says nothing", {}, /weaker/],
])(
  "a container with %s instead of what was asked for is removed before anything is said to it",
  async (_, change, says) => {
    const inspected = Object.keys(change).length === 0 ? {} : { ...strict, ...change };
    await withEngine({ "/c1/json": inspected }, says);
    expect(sent.some(({ method, url }) => method === "DELETE" && url.startsWith("/containers/c1"))).toBe(
      true,
    );
  },
);

test("what a tool asks for is held to what the project allows, and never the other way round", () => {
  const policy = { tools: ["scripts.*"], limits: { memoryMb: 128, cpus: 0.5 }, network: ["a.example:443"] };
  expect(planSandbox("orders.find", undefined, policy)).toBeUndefined();
  expect(planSandbox("scripts.run", undefined, policy)).toMatchObject({
    memoryMb: 128,
    cpus: 0.5,
    pids: 64,
    network: [],
    from: { profile: "project", memoryMb: "project", pids: "default" },
  });
  expect(
    planSandbox("x.run", { memoryMb: 4096, cpus: 0.25, network: ["a.example:443"] }, policy),
  ).toMatchObject({
    memoryMb: 128,
    cpus: 0.25,
    network: ["a.example:443"],
    from: { memoryMb: "project", cpus: "definition" },
  });
  expect(planSandbox("x.run", { network: ["b.example:443"] }, policy)).toMatchObject({
    network: [],
    refused: expect.stringContaining("b.example:443"),
  });
});
