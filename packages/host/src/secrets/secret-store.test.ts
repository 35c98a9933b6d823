import { parseId } from "@agentflow/protocol";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { openSecrets, removeSecret, secretFileOf, setSecret } from "./index.ts";

const folders: string[] = [];
const lock = { pause: async () => {} };
const setAt = "2026-11-26T10:00:00.000Z";

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(files: { readonly [name: string]: string } = {}): string {
  const dir = mkdtempSync(path.join(tmpdir(), "af-secrets-"));
  folders.push(dir);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), text, { mode: 0o600 });
  }
  return dir;
}

const name = (text: string) => parseId("secret", text);
const stored = (value: string): string =>
  JSON.stringify({ v: 1, kind: "secrets", secrets: { "model-key": { value, setAt } } });

test("a secret is looked for in the folder, the file, the environment and .env, in this order", () => {
  const dir = folder({ ".env": "MODEL_KEY=from-dotenv\n" });
  const environment: { [name: string]: string } = {};
  const get = () => {
    const store = openSecrets({ projectDir: dir, environment });
    return [store.get(name("model-key")), store.list()[0]?.from];
  };
  expect(get()).toEqual(["from-dotenv", ".env"]);
  environment["MODEL_KEY"] = "from-environment";
  expect(get()[0]).toBe("from-environment");
  mkdirSync(path.join(dir, ".agentflow"));
  writeFileSync(secretFileOf(dir), stored("from-file"), { mode: 0o600 });
  expect(get()).toEqual(["from-file", "file"]);
  environment["AF_SECRETS_DIR"] = folder({ "model-key": "from-folder\n" });
  expect(get()).toEqual(["from-folder", "folder"]);
});

test("a change of any file is seen by the next who asks", async () => {
  const dir = folder();
  const mounted = folder();
  const store = openSecrets({ projectDir: dir, environment: { AF_SECRETS_DIR: mounted } });
  expect(store.get(name("a"))).toBeUndefined();
  writeFileSync(path.join(dir, ".env"), "A=one-one\n");
  expect(store.get(name("a"))).toBe("one-one");
  await setSecret(secretFileOf(dir), { name: name("a"), value: "two-two", setAt }, lock);
  expect(store.get(name("a"))).toBe("two-two");
  writeFileSync(path.join(mounted, "a"), "three-three");
  expect(store.get(name("a"))).toBe("three-three");
  // What a task was given before may still come out of it.
  expect(store.hidden.redact("one-one two-two three-three")).toBe("[redacted] [redacted] [redacted]");
  expect(store.refresh()).toBe(false);
});

test.each([
  ["is read by others", (file: string) => chmodSync(file, 0o640), "can be read by others (mode 640)"],
  [
    "is a link out of its folder",
    (file: string) => {
      const other = path.join(folder({ x: stored("else where") }), "x");
      rmSync(file);
      symlinkSync(other, file);
    },
    "is a link out of its folder",
  ],
  ["is no JSON", (file: string) => writeFileSync(file, "sk-canary"), "cannot be read: it is not JSON"],
])("a file that %s is refused, and nothing takes its place", (_, spoil, says) => {
  const dir = folder({ ".agentflow/secrets.json": stored("value"), ".env": "MODEL_KEY=other\n" });
  spoil(secretFileOf(dir));
  const store = openSecrets({ projectDir: dir, environment: {} });
  expect(() => store.get(name("model-key"))).toThrow(says);
  expect(store.faults().join()).toContain(says);
  expect(store.faults().join()).not.toContain("sk-canary");
});

test("secrets that are set at the same time are all kept, and the file is its owner's alone", async () => {
  const dir = folder();
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const names = Array.from({ length: 20 }, (_, n) => name(`key-${n}`));
  const set = (one: (typeof names)[number]) =>
    setSecret(secretFileOf(dir), { name: one, value: `value of ${one}`, setAt }, { pause });
  await Promise.all(names.map(set));
  const store = openSecrets({ projectDir: dir, environment: {} });
  expect(store.list().length).toBe(20);
  expect(await removeSecret(secretFileOf(dir), name("key-3"), { pause })).toBe(true);
  expect(await removeSecret(secretFileOf(dir), name("key-3"), { pause })).toBe(false);
  expect(store.get(name("key-3"))).toBeUndefined();
});

test("a lock whose process is gone is taken over", async () => {
  const dir = folder({ ".agentflow/secrets.lock": `4194305 ${hostname()}` });
  await setSecret(secretFileOf(dir), { name: name("a"), value: "value", setAt }, lock);
  expect(openSecrets({ projectDir: dir, environment: {} }).get(name("a"))).toBe("value");
});

test("nothing is left of a change that was broken off before it was in place", async () => {
  const dir = folder({
    ".agentflow/secrets.json": stored("one"),
    ".agentflow/secrets.json.4711": stored("gone"),
  });
  writeFileSync(`${secretFileOf(dir)}.bak`, "kept");
  expect(await removeSecret(secretFileOf(dir), name("model-key"), lock)).toBe(true);
  expect(readdirSync(path.join(dir, ".agentflow")).sort()).toEqual([
    ".gitignore",
    "secrets.json",
    "secrets.json.bak",
  ]);
});

test("a lock that is held is waited for, and then said", async () => {
  const dir = folder({ ".agentflow/secrets.lock": `${process.pid} ${hostname()}` });
  const set = setSecret(secretFileOf(dir), { name: name("a"), value: "value", setAt }, lock);
  await expect(set).rejects.toMatchObject({ code: "unavailable", reason: "secrets_locked" });
});

test.each([
  ["", "is empty"],
  ["x".repeat(65_537), "over 64 KiB"],
  ["a\0b", "zero byte"],
])("a value that is none is refused", async (value, says) => {
  const set = setSecret(secretFileOf(folder()), { name: name("a"), value, setAt }, lock);
  await expect(set).rejects.toThrow(says);
});

test("what holds a secret is told from what does not", () => {
  const dir = folder({
    "agentflow.yaml": "models: {default: {apiKey: 'env://CUSTOM', x: secret://model-key}}\n",
    ".env":
      "DB_URL=postgres://me:hunter2-pass@db/x\nGITHUB_TOKEN=ghp_0123456789\nAF_MODEL=gpt-9\nP_KEY=/etc/k\n",
  });
  const environment = {
    MODEL_KEY: "from-environment",
    CUSTOM: "custom-value",
    COPY: "custom-value",
    PATH: "/bin",
  };
  const store = openSecrets({ projectDir: dir, environment });
  const held = Object.entries(environment).filter(([variable, value]) =>
    store.isSecretVariable(variable, value),
  );
  expect(held.map(([variable]) => variable)).toEqual(["MODEL_KEY", "CUSTOM", "COPY"]);
  const text = "from-environment custom-value hunter2-pass ghp_0123456789 gpt-9 /etc/k /bin";
  expect(store.hidden.redact(text)).toBe(`${"[redacted] ".repeat(4)}gpt-9 /etc/k /bin`);
  expect(store.list()).toEqual([
    { name: "github-token", from: ".env" },
    { name: "model-key", from: "environment" },
  ]);
});

test("what code declares is known from then on, and whether a variable held it", () => {
  const store = openSecrets({ projectDir: folder(), environment: { MAIL_PASS: "mail-pass-word" } });
  expect(store.isSecretVariable("MAIL_PASS", "mail-pass-word")).toBe(false);
  expect(store.learn({ secrets: [name("mail-pass"), name("other")] })).toBe(true);
  expect(store.isSecretVariable("MAIL_PASS", "mail-pass-word")).toBe(true);
  expect(store.learn({ secrets: [name("mail-pass")] })).toBe(false);
});

test("files of a mounted folder that lead out of it, and names that are none, are left out", () => {
  const mounted = folder({ "..data/a": "inside-value\n", README: "x" });
  symlinkSync("..data/a", path.join(mounted, "a"));
  symlinkSync("/etc/hostname", path.join(mounted, "b"));
  const store = openSecrets({ projectDir: folder(), environment: { AF_SECRETS_DIR: mounted } });
  expect(store.list()).toEqual([{ name: "a", from: "folder" }]);
  expect(store.faults().join()).toContain("b in ");
});

test("an empty file of a mounted folder is a secret that was withdrawn", () => {
  const mounted = folder({ left: "", "model-key": "from-folder" });
  const store = openSecrets({ projectDir: folder(), environment: { AF_SECRETS_DIR: mounted } });
  expect(store.list()).toEqual([{ name: "model-key", from: "folder" }]);
  expect(store.faults()).toEqual([]);
});
