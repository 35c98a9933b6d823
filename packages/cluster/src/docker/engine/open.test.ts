/** What engines answer, played by small servers: what cannot be had from a real one. */
import { createServer } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import { AgentFlowError } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { fromEngine } from "./errors.ts";
import { openEngine } from "./open.ts";

const servers: TcpServer[] = [];
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function engine(version: object | string): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(typeof version === "string" ? version : JSON.stringify(version));
  });
  return listening(server);
}

async function listening(server: TcpServer): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return `tcp://127.0.0.1:${address.port}`;
}

const known = { Os: "linux", Arch: "amd64" };

test("tells Docker from Podman", async () => {
  const docker = await openEngine(at(await engine({ ...known, Version: "27.1", ApiVersion: "1.46" })));
  expect(docker).toMatchObject({ kind: "docker", version: "27.1", api: "1.46", platform: "linux/amd64" });
  const components = [{ Name: "Podman Engine", Version: "4.3.1" }];
  const podman = await openEngine(
    at(await engine({ ...known, Version: "4.3.1", ApiVersion: "1.41", Components: components })),
  );
  expect(podman).toMatchObject({ kind: "podman", version: "4.3.1" });
});

test("an old engine is refused with both versions", async () => {
  const error = await failure(
    openEngine(at(await engine({ ...known, Version: "19.3", ApiVersion: "1.40" }))),
  );
  expect(error).toMatchObject({
    code: "refused",
    reason: "engine_too_old",
    details: { api: "1.40", needs: "1.41" },
  });
  // 1.9 is older than 1.41, whatever letters say.
  const older = await failure(openEngine(at(await engine({ ...known, Version: "1.9", ApiVersion: "1.9" }))));
  expect(older.reason).toBe("engine_too_old");
});

test("something else that answers is no engine", async () => {
  const error = await failure(openEngine(at(await engine("<html>"))));
  expect(error).toMatchObject({ code: "unavailable", reason: "engine_unreachable" });
  expect(error.message).toContain("is no Docker engine");
  const host = await listening(createTcpServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")));
  expect((await failure(openEngine(at(host)))).message).toContain("is no Docker engine");
});

test("one that takes the connection and never answers is given up", async () => {
  const host = await listening(createTcpServer((socket) => sockets.add(socket)));
  const error = await failure(openEngine(at(host), { answerMs: 50 }));
  expect(error).toMatchObject({ code: "unavailable", reason: "engine_unreachable" });
  expect(String(error.cause)).toContain("no answer in 0.05 s");
});

test("nobody there: where it looked, and what starts one", async () => {
  const looked = ["/a.sock", "/b.sock"];
  const address = { host: "unix:///nowhere/docker.sock", verify: true, from: "default", looked };
  const error = await failure(openEngine(address));
  expect(error).toMatchObject({ code: "unavailable", reason: "engine_unreachable" });
  expect(error.message).toContain("looked for /a.sock, /b.sock");
});

const answers: readonly (readonly [string, number | string, string, string, string])[] = [
  ["permission denied", "EACCES", "connect EACCES", "forbidden", "engine_forbidden"],
  ["a full disk", 500, "write /x: no space left on device", "unavailable", "disk_full"],
  [
    "a port of a container",
    500,
    "Bind for 127.0.0.1:4180 failed: port is already allocated",
    "conflict",
    "port_taken",
  ],
  [
    "a port of a process",
    500,
    "listen tcp4 127.0.0.1:4180: bind: address already in use",
    "conflict",
    "port_taken",
  ],
  ["a missing image", 404, "No such image: a:b", "not_found", "image_missing"],
  ["a name in use", 409, 'Conflict. The container name "/a" is already in use', "conflict", "conflict"],
  [
    "a network of two",
    400,
    "network a is ambiguous (2 matches found on name)",
    "conflict",
    "changed_meanwhile",
  ],
  [
    "an engine with TLS",
    400,
    "Client sent an HTTP request to an HTTPS server.",
    "unavailable",
    "engine_unreachable",
  ],
  [
    "a certificate that it refuses",
    "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
    "alert",
    "forbidden",
    "engine_certificate",
  ],
  [
    "a certificate that is none",
    "ERR_OSSL_PEM_NO_START_LINE",
    "no start",
    "invalid_input",
    "engine_certificate",
  ],
  ["a fault of its own", 500, "driver failed", "unavailable", "engine_failed"],
  ["a refused setting", 400, "invalid reference format", "refused", "engine_refused"],
];

test.each(answers)("%s", (_, cause, text, code, reason) => {
  const words = `(HTTP code ${cause}) server error - ${text} `;
  const foreign = Object.assign(
    new Error(words),
    typeof cause === "string" ? { code: cause } : { statusCode: cause },
  );
  const error = fromEngine(foreign, "starting x", at("unix:///var/run/docker.sock"));
  expect(error).toMatchObject({ code, reason, cause: foreign });
  if (reason === "port_taken") expect(error.details["port"]).toBe(4180);
  if (reason !== "conflict" && reason !== "engine_refused" && reason !== "changed_meanwhile") {
    expect(error.suggestions.length).toBeGreaterThan(0);
  }
});

test("stopped by the caller", () => {
  const error = fromEngine(new DOMException("stop", "AbortError"), "starting x", at("unix:///x"));
  expect(error.reason).toBe("interrupted");
});

function at(host: string) {
  return { host, verify: true, from: "the test" };
}

async function failure(work: Promise<unknown>): Promise<AgentFlowError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!AgentFlowError.is(error)) throw new Error(`it did not fail as it should: ${String(error)}`);
  return error;
}
