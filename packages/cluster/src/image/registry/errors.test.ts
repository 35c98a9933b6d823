/** What engines say when a registry does not take an image, in the words of Docker 20.10 to 28. */
import { expect, test } from "vitest";
import type { Engine } from "../../docker/engine/index.ts";
import { fromRegistry } from "./errors.ts";
import { bareServer, hostOf, referenceIn, repositoryOf, serverOf, tagOf } from "./names.ts";

const engine: Pick<Engine, "address"> = {
  address: { host: "unix:///var/run/docker.sock", verify: true, from: "default" },
};
const at = { engine, reference: "r.example.com/team/triage:1", host: "r.example.com", from: "config.json" };
const get = 'Get "https://r.example.com/v2/":';

test.for([
  ["denied: requested access to the resource is denied", "forbidden", "registry_denied"],
  ["unauthorized: authentication required", "unauthenticated", "registry_denied"],
  ["no basic auth credentials", "unauthenticated", "registry_denied"],
  ["name unknown: The repository with name 'triage' does not exist", "not_found", "registry_name_unknown"],
  ["blob upload unknown: write /data: no space left on device", "unavailable", "registry_full"],
  ["received unexpected HTTP status: 507 Insufficient Storage", "unavailable", "registry_full"],
  [`${get} http: server gave HTTP response to HTTPS client`, "unavailable", "registry_insecure"],
  [`${get} x509: certificate signed by unknown authority`, "unavailable", "registry_certificate"],
  [`${get} dial tcp 10.0.0.1:443: connect: connection refused`, "unavailable", "registry_unreachable"],
  [`${get} dial tcp: lookup r.example.com: no such host`, "unavailable", "registry_unreachable"],
  [`${get} net/http: request canceled (Client.Timeout exceeded)`, "unavailable", "registry_unreachable"],
  ["something new", "unavailable", "registry_failed"],
] as const)("%s", ([said, code, reason]) => {
  const error = fromRegistry(new Error(said), { ...at, hasLogin: true });
  expect({ code: error.code, reason: error.reason }).toEqual({ code, reason });
  expect(error.suggestions.length).toBeGreaterThan(0);
});

test("a registry that answers with what it was told: the login is in no word of it", () => {
  const hides = ["YW5uOmh1bnRlcjI=", "hunter2", ""];
  for (const said of ["unauthorized: Basic YW5uOmh1bnRlcjI= is wrong", "no: hunter2 and hunter2"]) {
    const error = fromRegistry(new Error(said), { ...at, hasLogin: true, hides });
    const text = JSON.stringify([error.message, error.details, String(error.cause)]);
    expect(text).toContain("(hidden)");
    expect(text).not.toMatch(/hunter2|YW5u/);
  }
});

test("what a registry says has an end", () => {
  const said = `denied: ${"x".repeat(1_000_000)}`;
  const error = fromRegistry(new Error(said), { ...at, hasLogin: true });
  expect(JSON.stringify([error.message, error.details]).length).toBeLessThan(2_000);
});

test("without a login the next step is to log in", () => {
  const error = fromRegistry(new Error("no basic auth credentials"), { ...at, hasLogin: false });
  expect(error).toMatchObject({ code: "unauthenticated", suggestions: ["docker login r.example.com"] });
});

test.for([
  ["r.example.com:5000/team", "r.example.com:5000/team/triage:1", "r.example.com:5000"],
  ["localhost/x", "localhost/x/triage:1", "localhost"],
  ["somebody", "somebody/triage:1", "docker.io"],
] as const)("images in %s", ([registry, reference, host]) => {
  expect(referenceIn(registry, "agentflow/triage:1")).toBe(reference);
  expect(hostOf(reference)).toBe(host);
  expect([repositoryOf(reference), tagOf(reference)].join(":")).toBe(reference);
});

test("logins are kept under the host, Docker's own under a URL", () => {
  expect(serverOf("docker.io")).toBe("https://index.docker.io/v1/");
  expect(bareServer(serverOf("docker.io"))).toBe("index.docker.io");
  expect(bareServer("https://r.example.com:5000/v2/")).toBe("r.example.com:5000");
});
