/** An engine behind ssh, which is played by a program of that name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
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

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

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

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
