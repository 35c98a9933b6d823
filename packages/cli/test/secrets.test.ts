import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Ran, runAf } from "./run-af.ts";
import { type Scratch, scratchProject, toolFile } from "./e2e/scratch.ts";

const value = "sk-canary-4f9a1c";
const head = "apiVersion: agentflow.dev/v1\nkind: Project\nname: scratch\n";

let project: Scratch;
beforeEach(() => {
  project = scratchProject({});
});
afterEach(() => project.remove());

function af(args: readonly string[], stdin?: string, environment = {}): Promise<Ran> {
  return runAf(args, { cwd: project.dir, environment, ...(stdin === undefined ? {} : { stdin }) });
}

function stored(): { readonly [name: string]: { readonly value: string } } {
  return JSON.parse(readFileSync(path.join(project.dir, ".agentflow/secrets.json"), "utf8")).secrets;
}

test("a secret is set from stdin or a file, listed without its value, and removed", async () => {
  const set = await af(["secrets", "set", "model-key"], `${value}\n`);
  expect(set).toMatchObject({ code: 0, stderr: "" });
  expect(set.stdout).toContain("secret model-key is set");
  expect(statSync(path.join(project.dir, ".agentflow/secrets.json")).mode & 0o777).toBe(0o600);
  project.write("key.pem", "-----BEGIN\nabc\n-----END\n");
  expect(await af(["secrets", "set", "pem", "--from-file", "key.pem"])).toMatchObject({ code: 0 });
  expect(stored()["pem"]?.value).toBe("-----BEGIN\nabc\n-----END");
  const list = await af(["secrets", "list"]);
  expect(list.stdout).toMatch(/model-key +\.agentflow\/secrets\.json/);
  expect(list.stdout + list.stderr + set.stdout).not.toContain(value);
  const json = JSON.parse((await af(["secrets", "list", "--json"])).stdout);
  expect(json.data.items).toMatchObject([{ name: "model-key", from: "file" }, { name: "pem" }]);
  expect(Object.keys(json.data.items[0])).toEqual(["name", "from", "setAt", "usedBy"]);
  expect(await af(["secrets", "rm", "model-key"])).toMatchObject({ code: 2 });
  expect(await af(["secrets", "rm", "model-key", "--yes"])).toMatchObject({ code: 0 });
  expect(await af(["secrets", "rm", "model-key", "--yes"])).toMatchObject({ code: 4 });
  expect(Object.keys(stored())).toEqual(["pem"]);
});

test.each([
  [["secrets", "set", "model-key", value]],
  [["secrets", "set", `model-key=${value}`]],
  [["secrets", "set", "model-key", `--value=${value}`]],
  [["secrets", "set", "model-key", "--value", value, "--json"]],
  [["secrets", "set", "MODEL_KEY", value, "--debug"]],
  [["secrets", "set", value.toUpperCase()]],
])("a value on the command line is refused and not repeated: %j", async (args) => {
  const ran = await af(args, "another");
  expect(ran.code).toBe(2);
  expect((ran.stdout + ran.stderr).toLowerCase()).not.toContain(value);
});

test.each([
  ["nothing", "", "is empty"],
  ["a newline alone", "\n", "is empty"],
  ["too much", "x".repeat(70_000), "over 64 KiB"],
])("%s is no value", async (_, stdin, says) => {
  const ran = await af(["secrets", "set", "a"], stdin);
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain(says);
});

test("a value that cannot be hidden, or is hidden in other words too, is warned of", async () => {
  expect((await af(["secrets", "set", "a"], "abc")).stderr).toContain("cannot be hidden");
  expect((await af(["secrets", "set", "a"], "abcde")).stderr).toContain("in other words too");
  const { data } = JSON.parse((await af(["secrets", "set", "a", "--json"], " long enough for all ")).stdout);
  expect(data).toMatchObject({
    replaced: true,
    warnings: ["The value begins or ends with a space or a newline."],
  });
});

test("processes that set secrets at the same time lose none", async () => {
  const names = Array.from({ length: 8 }, (_, n) => `key-${n}`);
  const ran = await Promise.all(names.map((name) => af(["secrets", "set", name], `value of ${name}`)));
  expect(ran.map(({ code }) => code)).toEqual(names.map(() => 0));
  expect(
    Object.entries(stored())
      .map(([name, { value: one }]) => `${name} ${one}`)
      .sort(),
  ).toEqual(names.map((name) => `${name} value of ${name}`));
});

test("a file that others can read, or a link out, is refused; doctor says it with the fix", async () => {
  await af(["secrets", "set", "a"], value);
  const file = path.join(project.dir, ".agentflow/secrets.json");
  chmodSync(file, 0o644);
  const set = await af(["secrets", "set", "b"], value);
  expect(set.code).toBe(8);
  expect(set.stderr).toContain("chmod 600");
  const doctor = await af(["doctor"]);
  expect(doctor.stdout).toMatch(/✗ secrets.*can be read by others[^]*fix: chmod 600/);
  expect(doctor.code).toBe(3);
  const other = mkdtempSync(path.join(tmpdir(), "af-other-"));
  writeFileSync(path.join(other, "x"), readFileSync(file), { mode: 0o600 });
  rmSync(file);
  symlinkSync(path.join(other, "x"), file);
  expect((await af(["secrets", "set", "b"], value)).stderr).toContain("link out of its folder");
  rmSync(other, { recursive: true });
});

test("doctor says when .env is committed or would be", async () => {
  project.write(".env", `MODEL_KEY=${value}\n`);
  chmodSync(path.join(project.dir, ".env"), 0o600);
  const git = (...args: string[]) => execFileSync("git", args, { cwd: project.dir });
  git("init", "-q");
  expect((await af(["doctor"])).stdout).toContain(".env is not ignored by git");
  project.write(".gitignore", ".env\n.agentflow/\n");
  expect((await af(["doctor"])).stdout).toMatch(/✓ secrets +1 set/);
  git("add", "-f", ".env");
  const doctor = await af(["doctor", "--json"]);
  expect(doctor.stdout).toContain(".env is committed to git");
  expect(doctor.stdout).not.toContain(value);
});

test("what models and tools ask for is listed, and validate warns of what is not set", async () => {
  const openai = `{provider: openai, model: gpt-x, apiKey: "secret://model-key"}`;
  const scripted = `{provider: scripted, model: x, apiKey: "secret://never-asked"}`;
  project.write("agentflow.yaml", `${head}models:\n  default: ${openai}\n  other: ${scripted}\n`);
  project.write("tools/mail.ts", toolFile("return n;", `effect: "pure", secrets: ["mail-pass"]`));
  const validate = await af(["validate"]);
  expect(validate.code).toBe(0);
  expect(validate.stdout).toContain("agentflow.yaml:5");
  expect(validate.stdout).toContain("the secret model-key is not set");
  expect(validate.stdout).toContain("the secret mail-pass is not set: tool:mail.go asks for it");
  expect(validate.stdout).not.toContain("never-asked");
  const environment = { MODEL_KEY: value };
  expect((await af(["validate"], "", environment)).stdout).not.toContain("model-key");
  const { data } = JSON.parse((await af(["secrets", "list", "--json"], "", environment)).stdout);
  expect(data.items).toMatchObject([
    { name: "mail-pass", from: null, usedBy: ["tool:mail.go"] },
    { name: "model-key", from: "environment", usedBy: ["model:default"] },
    { name: "never-asked", from: null, usedBy: ["model:other"] },
  ]);
});

test("names are completed from the project", async () => {
  await af(["secrets", "set", "model-key"], value);
  expect((await af(["__complete", "--", "secrets", "rm", ""])).stdout).toBe("model-key\n");
});
