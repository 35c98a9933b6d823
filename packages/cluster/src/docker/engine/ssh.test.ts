/** An engine behind ssh, which is played by a program of that name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { openEngine } from "./open.ts";

const folder = mkdtempSync(join(tmpdir(), "agentflow-ssh-"));

// Answers as an engine and takes no signals, as Docker's client behind it does.
const program = `#!${process.execPath}
require("node:fs").writeFileSync(${JSON.stringify(join(folder, "pid"))}, String(process.pid));
process.on("SIGTERM", () => {});
const body = JSON.stringify({ Version: "27.1", ApiVersion: "1.46", Os: "linux", Arch: "amd64" });
const head = "HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: ";
process.stdin.on("data", () => process.stdout.write(head + body.length + "\\r\\n\\r\\n" + body));
process.stdin.on("end", () => process.exit(0));
`;

afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

test("a closed engine leaves no ssh behind, also where that takes no signals", async () => {
  writeFileSync(join(folder, "ssh"), program, { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"] ?? ""}`);
  const engine = await openEngine({ host: "ssh://me@far.example", verify: true, from: "the test" });
  expect(engine.version).toBe("27.1");
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  expect(isThere(pid)).toBe(true);
  engine.close();
  await vi.waitFor(() => expect(isThere(pid)).toBe(false), { timeout: 20_000 });
});

test("what ssh says of a machine that it does not reach is said once", async () => {
  const refused = "ssh: connect to host far.example port 22: Connection refused";
  writeFileSync(join(folder, "ssh"), `#!/bin/sh\necho "${refused}" >&2\nexit 255\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"] ?? ""}`);
  const opening = openEngine({ host: "ssh://me@far.example", verify: true, from: "the test" });
  await expect(opening).rejects.toMatchObject({
    reason: "engine_unreachable",
    message: `no Docker engine answers (ssh://me@far.example, said by the test: ${refused})`,
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
