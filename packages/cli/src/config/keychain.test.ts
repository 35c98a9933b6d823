import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemKeychain } from "./keychain.ts";
import { addUserContext, userToken } from "./user-contexts.ts";

const token = 'tok"en$(x)-4f9a1c';
const entry = { context: "prod", urls: ["https://af.example.com"] };
const pathBefore = process.env["PATH"];

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "af-keychain-"));
  process.env["PATH"] = `${dir}:${pathBefore ?? ""}`;
});
afterEach(() => {
  process.env["PATH"] = pathBefore;
  rmSync(dir, { recursive: true, force: true });
});

/** A program of this name that writes its arguments down and does what the script says. */
function program(name: string, script: string): void {
  const file = path.join(dir, name);
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$*" >> ${dir}/asked\n${script}\n`);
  chmodSync(file, 0o755);
}

const asked = (): string => readFileSync(path.join(dir, "asked"), "utf8");

/** As libsecret's own: one secret by its attributes, nothing said when there is none. */
const secretTool = `
name=$(printf '%s' "$*" | sed 's/^[a-z]* *\\(--label=AgentFlow context [a-z]* \\)\\{0,1\\}//' | tr ' /' '__')
file="$(dirname "$0")/store.$name"
case "$1" in
  store) cat > "$file" ;;
  lookup) [ -f "$file" ] || exit 1; cat "$file" ;;
  clear) [ -f "$file" ] || exit 1; rm "$file" ;;
esac`;

test("libsecret keeps a token for one context and one address; it stands in no argument", () => {
  program("secret-tool", secretTool);
  const keychain = systemKeychain("linux");
  expect(keychain.find(entry)).toBeUndefined();
  keychain.store(entry, token);
  expect(keychain.find(entry)).toBe(token);
  expect(keychain.find({ ...entry, urls: ["https://elsewhere.example.com"] })).toBeUndefined();
  keychain.remove(entry);
  keychain.remove(entry);
  expect(keychain.find(entry)).toBeUndefined();
  expect(asked()).toContain("lookup service agentflow context prod url https://af.example.com");
  expect(asked()).not.toContain(token);
});

test("a token that is stored anew for the same addresses in another order is kept", async () => {
  program("secret-tool", secretTool);
  const [a, b] = ["https://a.example.com", "https://b.example.com"] as const;
  const name = "prod";
  await addUserContext(dir, { name, urls: [a, b], token: "before", keychain: true });
  await addUserContext(dir, { name, urls: [b, a], token, keychain: true });
  expect(userToken(dir, { name, urls: [b, a], token: "keychain" })).toBe(token);
});

/** As the one of macOS: commands on stdin, a hexadecimal password, 44 when there is no item. */
const security = `
file="$(dirname "$0")/store"
case "$1" in
  -i) sed -n 's/.*-a "\\([^"]*\\)" -X \\([0-9a-f]*\\)$/\\1 \\2/p' > "$file" ;;
  find-generic-password)
    read -r account digits 2>/dev/null < "$file" && [ "$account" = "$5" ] || exit 44
    node -e 'process.stdout.write(Buffer.from(process.argv[1], "hex"))' "$digits" ;;
  delete-generic-password) [ -f "$file" ] || exit 44; rm "$file" ;;
esac`;

test("the keychain of macOS is told the token on stdin as digits", () => {
  program("security", security);
  const keychain = systemKeychain("darwin");
  expect(keychain.find(entry)).toBeUndefined();
  keychain.store(entry, token);
  expect(keychain.find(entry)).toBe(token);
  keychain.remove(entry);
  keychain.remove(entry);
  expect(keychain.find(entry)).toBeUndefined();
  expect(asked()).not.toContain(token);
  expect(asked()).not.toContain(Buffer.from(token).toString("hex"));
});

test("a keychain that is locked, missing or unknown says so, and what else there is", () => {
  program("secret-tool", `echo "Cannot autolaunch D-Bus without X11" >&2; exit 1`);
  expect(() => systemKeychain("linux").store(entry, token)).toThrow(
    /did not store the token: Cannot autolaunch/,
  );
  expect(() => systemKeychain("linux").find(entry)).toThrow(/did not read the token/);
  process.env["PATH"] = path.join(dir, "nothing");
  expect(() => systemKeychain("linux").find(entry)).toThrow(/secret-tool: it is not on the PATH/);
  expect(() => systemKeychain("win32")).toThrow(/no keychain is known on win32/);
});
