import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentFlowError } from "@agentflow/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isRemote } from "./address.ts";
import { findEngine } from "./find.ts";

let home = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "af-engine-"));
});

afterEach(() => rmSync(home, { recursive: true }));

function context(name: string, docker: object, tls = false): void {
  const id = createHash("sha256").update(name).digest("hex");
  const meta = join(home, ".docker/contexts/meta", id);
  mkdirSync(meta, { recursive: true });
  writeFileSync(join(meta, "meta.json"), JSON.stringify({ Name: name, Endpoints: { docker } }));
  if (tls) mkdirSync(join(home, ".docker/contexts/tls", id, "docker"), { recursive: true });
}

function config(value: unknown): void {
  mkdirSync(join(home, ".docker"), { recursive: true });
  writeFileSync(join(home, ".docker/config.json"), typeof value === "string" ? value : JSON.stringify(value));
}

test("target, DOCKER_HOST, DOCKER_CONTEXT, the context in use: the first that says it", async () => {
  context("a", { Host: "unix:///a.sock" });
  context("b", { Host: "ssh://user@b" });
  config({ currentContext: "a" });
  const environment = { DOCKER_HOST: "tcp://c:2375", DOCKER_CONTEXT: "b" };
  const found = async (more: object) => (await findEngine({ environment: {}, home, ...more })).host;
  expect(await found({ environment, host: "unix:///t.sock", context: "b" })).toBe("unix:///t.sock");
  expect(await found({ environment, context: "b" })).toBe("ssh://user@b");
  expect(await found({ environment })).toBe("tcp://c:2375");
  expect(await found({ environment: { DOCKER_CONTEXT: "b" } })).toBe("ssh://user@b");
  expect(await found({})).toBe("unix:///a.sock");
});

test("says what told it", async () => {
  context("colima", { Host: "unix:///c.sock" });
  config({ currentContext: "colima" });
  expect(await findEngine({ environment: {}, home })).toMatchObject({ from: "Docker context colima" });
  expect(await findEngine({ environment: {}, home, host: "unix:///x", target: "staging" })).toMatchObject({
    from: "target staging",
  });
});

test("certificates of DOCKER_CERT_PATH, of DOCKER_TLS_VERIFY, of a context", async () => {
  const tcp = { DOCKER_HOST: "tcp://h:2376" };
  const found = async (environment: Record<string, string>) => findEngine({ environment, home });
  expect(await found(tcp)).toEqual({ host: "tcp://h:2376", verify: true, from: "DOCKER_HOST" });
  expect(await found({ ...tcp, DOCKER_CERT_PATH: "/certs" })).toMatchObject({
    certificates: "/certs",
    verify: false,
  });
  expect(await found({ ...tcp, DOCKER_TLS_VERIFY: "1" })).toMatchObject({
    certificates: join(home, ".docker"),
    verify: true,
  });
  context("tls", { Host: "tcp://t:2376", SkipTLSVerify: true }, true);
  expect(await findEngine({ environment: {}, home, context: "tls" })).toMatchObject({
    verify: false,
    certificates: /tls/,
  });
});

test("without a word of anybody: sockets in their usual places, and where it looked", async () => {
  const runtime = join(home, "run");
  mkdirSync(join(runtime, "podman"), { recursive: true });
  writeFileSync(join(runtime, "podman/podman.sock"), "");
  const found = await findEngine({ environment: { XDG_RUNTIME_DIR: runtime }, home });
  expect(found.looked).toContain(join(runtime, "podman/podman.sock"));
  expect(found.looked?.[0]).toBe("/var/run/docker.sock");
});

const bad: readonly (readonly [string, () => object, string, RegExp])[] = [
  ["a context that is not there", () => ({ context: "nope" }), "docker_context_unknown", /no context "nope"/],
  ["a host that is none", () => ({ host: "tcp://" }), "engine_address", /no address/],
  [
    "a broken config.json",
    () => {
      config("{");
      return {};
    },
    "docker_config_broken",
    /config\.json is not JSON/,
  ],
];

test.each(bad)("%s is refused", async (_, given, reason, message) => {
  const error: unknown = await findEngine({ environment: {}, home, ...given() }).catch(
    (thrown: unknown) => thrown,
  );
  expect(AgentFlowError.is(error) && error.reason).toBe(reason);
  expect(String(error)).toMatch(message);
});

test.skipIf(process.getuid?.() === 0)("a config.json that may not be read is refused", async () => {
  config({});
  chmodSync(join(home, ".docker/config.json"), 0o000);
  await expect(findEngine({ environment: {}, home })).rejects.toMatchObject({
    reason: "docker_config_unreadable",
  });
});

test("which engines run elsewhere", () => {
  const remote = (host: string) => isRemote({ host, verify: true, from: "test" });
  expect(
    ["unix:///x", "npipe:////./pipe/x", "tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1"].map(
      remote,
    ),
  ).toEqual(Array(5).fill(false));
  expect(["ssh://h", "tcp://10.0.0.1:1", "tcp://127.evil.example:1"].map(remote)).toEqual(
    Array(3).fill(true),
  );
});
