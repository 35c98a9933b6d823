import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bin, type Ran, runAf } from "./run-af.ts";

/** Of util-linux, which every Linux has. */
const setpriv = "/usr/bin/setpriv";

let root: string;
let server: Server | undefined;
beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), "af-doctor-")));
  writeFileSync(
    path.join(root, "agentflow.yaml"),
    "apiVersion: agentflow.dev/v1\nkind: Project\nname: shop\ntargets:\n  staging: {kind: docker}\n",
  );
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(root, { recursive: true, force: true });
});

const doctor = (environment: { readonly [name: string]: string }, ...args: readonly string[]): Promise<Ran> =>
  runAf(["doctor", ...args], { cwd: root, environment: { HOME: root, ...environment } });

/** What answers as an engine of this API version. */
async function engineOf(api: string): Promise<string> {
  const socket = path.join(root, "engine.sock");
  server = createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "application/json" });
    answer.end(JSON.stringify({ Version: "19.03.1", ApiVersion: api, Os: "linux", Arch: "amd64" }));
  });
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
  return `unix://${socket}`;
}

test("no engine: where it was looked for, and how one is had; exit 3", async () => {
  const ran = await doctor({ DOCKER_HOST: `unix://${root}/none.sock` });
  expect(ran.code).toBe(3);
  expect(ran.stdout).toContain(`✗ engine`);
  expect(ran.stdout).toContain(`no Docker engine answers (unix://${root}/none.sock, said by DOCKER_HOST)`);
  expect(ran.stdout).toMatch(/fix: start it: .*DOCKER_HOST/);
});

test("an engine that is too old: both versions", async () => {
  const ran = await doctor({ DOCKER_HOST: await engineOf("1.40") });
  expect(ran.code).toBe(3);
  expect(ran.stdout).toMatch(/✗ engine .*19\.03\.1 speaks API 1\.40, af needs 1\.41/);
});

test.skipIf(process.getuid?.() !== 0)("no permission: the socket, and the group that has it", async () => {
  const host = await engineOf("1.45");
  chmodSync(root, 0o755);
  chmodSync(host.slice("unix://".length), 0o600);
  // Root may open anything: somebody else asks.
  const asNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", process.execPath, bin];
  const environment = { PATH: process.env["PATH"], HOME: root, DOCKER_HOST: host };
  const ran = spawnSync(setpriv, [...asNobody, "doctor"], {
    cwd: root,
    env: environment,
    encoding: "utf8",
  });
  expect(ran.stdout).toMatch(
    /✗ engine +no permission on .*engine\.sock \(DOCKER_HOST\)[^]*usermod -aG docker/,
  );
  expect(ran.status).toBe(3);
});

test("a target that is not there, and one that is named although others are in use", async () => {
  const ran = await doctor({}, "--target", "stagign");
  expect(ran.code).toBe(3);
  expect(ran.stdout).toMatch(/✗ target .*stagign[^]*staging/);
});

test("without a target of containers nobody needs an engine", async () => {
  writeFileSync(
    path.join(root, "agentflow.yaml"),
    "apiVersion: agentflow.dev/v1\nkind: Project\nname: shop\n",
  );
  const { data } = JSON.parse((await doctor({ DOCKER_HOST: `unix://${root}/none.sock` }, "--json")).stdout);
  const line = data.checks.find(({ name }: { name: string }) => name === "engine");
  expect(line).toMatchObject({
    state: "note",
    fact: expect.stringContaining("only targets of containers need one"),
  });
});
