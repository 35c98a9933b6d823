import { errorTable } from "@agentflow/protocol";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { contextPlaces } from "../src/config/context-places.ts";
import { listContexts, saveContext } from "../src/config/contexts.ts";
import { type RecordedInstallation, recordedInstallation, token } from "./recorded-installation.ts";
import { type Ran, runAf } from "./run-af.ts";

let house: RecordedInstallation;
beforeAll(async () => {
  house = await recordedInstallation();
});
afterAll(() => house.close());

let root: string;
let project: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "af-contexts-"));
  project = path.join(root, "project");
  mkdirSync(project);
  writeFileSync(
    path.join(project, "agentflow.yaml"),
    `apiVersion: agentflow.dev/v1
kind: Project
name: shop
targets:
  staging: {kind: docker}
  local: {}
`,
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const af = (
  args: readonly string[],
  of: { stdin?: string; environment?: Record<string, string>; cwd?: string } = {},
): Promise<Ran> =>
  runAf(args, {
    cwd: of.cwd ?? project,
    environment: { XDG_CONFIG_HOME: path.join(root, "config"), ...of.environment },
    ...(of.stdin === undefined ? {} : { stdin: of.stdin }),
  });

const add = (name: string, ...more: readonly string[]): Promise<Ran> =>
  af(["context", "add", name, "--url", house.url, "--token-stdin", ...more], { stdin: `${token}\n` });

const config = (file: string): string => path.join(root, "config/agentflow", file);

async function names(): Promise<string[]> {
  const { data } = JSON.parse((await af(["context", "list", "--json"])).stdout);
  return data.items.map(({ name, inUse }: { name: string; inUse: boolean }) => (inUse ? `*${name}` : name));
}

test("a context is added with its token, used, shown, left and forgotten", async () => {
  const added = await add("prod");
  expect([added.code, added.stderr]).toEqual([0, expect.stringMatching(/installation .* answers: af /)]);
  expect(readFileSync(config("contexts.yaml"), "utf8")).not.toContain(token);
  expect(statSync(config("credentials.json")).mode & 0o777).toBe(0o600);
  expect(await names()).toEqual(["*dev", "staging", "prod"]);
  expect(await af(["run", "list", "--context", "prod"])).toMatchObject({ code: 0, stderr: "" });
  expect(await af(["run", "list"])).toMatchObject({ code: errorTable.unavailable.exit });
  expect(await af(["context", "use", "prod"])).toMatchObject({ code: 0 });
  expect(await names()).toEqual(["dev", "staging", "*prod"]);
  expect(await af(["run", "list"])).toMatchObject({ code: 0 });
  expect((await af(["context", "show"])).stdout).toMatch(
    /name +prod[^]*credentials\.json[^]*yes, by .*context/,
  );
  expect(await af(["context", "use", "-"])).toMatchObject({ code: 0 });
  expect(await names()).toEqual(["*dev", "staging", "prod"]);
  expect(await af(["context", "use", "-"])).toMatchObject({ code: 0 });
  expect(await af(["context", "rm", "prod"])).toMatchObject({ code: 0 });
  expect(await names()).toEqual(["*dev", "staging"]);
  expect(readFileSync(config("credentials.json"), "utf8")).not.toContain(token);
  // A process for each command, on a machine that may have other work.
}, 120_000);

test("the user's own choice holds outside of projects and where a project has none", async () => {
  await add("prod");
  const outside = { cwd: root };
  expect(await af(["context", "use", "prod"], outside)).toMatchObject({ code: 0 });
  expect(await af(["run", "list"], outside)).toMatchObject({ code: 0 });
  expect(await names()).toEqual(["dev", "staging", "*prod"]);
  expect(await af(["context", "use", "staging", "--global"])).toMatchObject({ code: 2 });
  expect(await af(["context", "use", "staging"])).toMatchObject({ code: 0 });
  expect(await names()).toEqual(["dev", "*staging", "prod"]);
  const status = await af(["status"]);
  expect(status.code).toBe(errorTable.unavailable.exit);
  expect(status.stderr).toMatch(/staging, the context in use, is not up[^]*af up staging/);
});

test("what changes something says whom it speaks to; what only reads does not", async () => {
  await add("prod");
  expect((await af(["run", "hello", "--context", "prod"])).stderr).toContain(`→ prod  remote, ${house.url}`);
  const environment = { AF_URL: house.url, AF_TOKEN: token };
  expect((await af(["run", "hello"], { environment })).stderr).toContain(`→ ${house.url}  (AF_URL)`);
  expect((await runAf(["run", "hello"], { cwd: house.project })).stderr).not.toContain("→");
  expect((await af(["run", "list", "--context", "prod"])).stderr).toBe("");
});

test("containers that do not answer are started by af up, and said so", async () => {
  saveContext({
    name: "staging",
    kind: "docker",
    url: "http://127.0.0.1:1",
    token,
    folder: project,
    project: "shop",
    target: "staging",
  });
  const ran = await af(["run", "list", "--context", "staging"]);
  expect(ran.code).toBe(errorTable.unavailable.exit);
  expect(ran.stderr).toMatch(/no answer[^]*af up staging[^]*af status --context staging/);
  expect(ran.stderr).not.toContain("af server");
  rmSync(path.join(project, ".agentflow"), { recursive: true });
  expect((await af(["run", "list"])).stderr).toMatch(/try +af dev\n *try +or on containers: af up/);
});

test("an unknown context exits 4 and names the one that was meant, wherever it was said", async () => {
  await add("prod");
  for (const [args, environment] of [
    [["status", "--context", "prdo"], {}],
    [["status"], { AF_CONTEXT: "prdo" }],
    [["context", "use", "prdo"], {}],
    [["context", "show", "prdo"], {}],
    [["context", "rm", "prdo"], {}],
  ] as const) {
    const ran = await af(args, { environment });
    expect([args.join(" "), ran.code, ran.stdout]).toEqual([args.join(" "), errorTable.not_found.exit, ""]);
    expect(ran.stderr).toContain("did you mean: prod");
  }
});

/** An address of this machine at which nobody answers. */
const gone = "http://127.0.0.1:1";

test("where one address of a context is gone, every command goes on at the next", async () => {
  const urls = [gone, house.url];
  const of = { folder: project, project: "shop", target: "staging", token } as const;
  const file = saveContext({ ...of, name: "staging", kind: "docker", url: gone, urls });
  for (const words of ["run list", "run hello", "status", "top --once --interval 1s", "logs --tail 1"])
    expect([words, (await af([...words.split(" "), "--context", "staging"])).code]).toEqual([words, 0]);
  const shown = JSON.parse((await af(["context", "show", "staging", "--check", "--json"])).stdout).data;
  expect(shown).toMatchObject({
    url: gone,
    urls,
    check: { ok: true },
    checks: [{ ok: false }, { ok: true }],
  });
  expect((await af(["context", "list"])).stdout).toContain(urls.join(", "));
  saveContext({ ...of, name: "staging", kind: "docker", url: gone, urls: [gone, "http://127.0.0.1:2"] });
  const silent = await af(["run", "list", "--context", "staging"]);
  expect([silent.code, silent.stderr]).toEqual([
    errorTable.unavailable.exit,
    expect.stringMatching(/127\.0\.0\.1:1[^]*127\.0\.0\.1:2/),
  ]);
  // As an af of before wrote it, and as nobody did.
  writeFileSync(file, JSON.stringify({ v: 1, name: "staging", kind: "docker", url: house.url, token }));
  expect(await af(["run", "list", "--context", "staging"])).toMatchObject({ code: 0 });
  writeFileSync(file, JSON.stringify({ v: 1, name: "staging", kind: "docker", url: gone, urls: "x", token }));
  expect((await af(["run", "list", "--context", "staging"])).stderr).toContain("its urls are no addresses");
});

test("several addresses are added; the token goes to none that joins them later", async () => {
  const both = ["--url", house.url, "--url", house.url.replace("127.0.0.1", "localhost")];
  const added = await af(["context", "add", "prod", ...both, "--token-stdin", "--json"], { stdin: token });
  expect(JSON.parse(added.stdout).data).toMatchObject({ url: house.url, urls: [both[1], both[3]] });
  expect(await af(["run", "list", "--context", "prod"])).toMatchObject({ code: 0 });
  const refused = await af(["context", "add", "two", "--url", house.url, "--url", gone, "--token-stdin"], {
    stdin: token,
  });
  expect([refused.code, refused.stderr]).toEqual([
    errorTable.unavailable.exit,
    expect.stringContaining(gone),
  ]);
  const text = readFileSync(config("contexts.yaml"), "utf8");
  writeFileSync(config("contexts.yaml"), text.replace("localhost", "127.0.0.2"));
  const joined = await af(["run", "list", "--context", "prod"]);
  expect([joined.code, joined.stderr]).toEqual([errorTable.unauthenticated.exit, expect.anything()]);
});

test("a token goes to its own address alone", async () => {
  await add("prod");
  // AF_TOKEN is for AF_URL: the context's own goes, so this is let in.
  expect(
    await af(["run", "list", "--context", "prod"], { environment: { AF_TOKEN: "wrong" } }),
  ).toMatchObject({ code: 0 });
  // The same server under another name is another address.
  const other = house.url.replace("127.0.0.1", "localhost");
  expect(await af(["run", "list", "--url", other])).toMatchObject({ code: errorTable.unauthenticated.exit });
  expect(await af(["run", "list", "--url", house.url])).toMatchObject({ code: 0 });
  // Whoever changes the address in the file does not get the token.
  const text = readFileSync(config("contexts.yaml"), "utf8").replace(house.url, other);
  writeFileSync(config("contexts.yaml"), text);
  expect(await af(["run", "list", "--context", "prod"])).toMatchObject({
    code: errorTable.unauthenticated.exit,
  });
});

test.each([
  ["context", "add", "far", "--url", "http://198.51.100.1", "--token-stdin", "--no-check"],
  ["status", "--url", "http://198.51.100.1"],
  ["key", "list", "--url", "http://198.51.100.1"],
])("no token travels over plain http to another machine: af %s %s", async (...args) => {
  const ran = await af(args, { stdin: token, environment: { AF_TOKEN: token } });
  expect(ran.code).toBe(errorTable.forbidden.exit);
  expect(ran.stderr).toMatch(/token_over_http[^]*https:[^]*ssh -L/);
});

test.each([
  ["a name that is none", ["Prod!"], 2, "is no name of a context"],
  ["dev", ["dev"], 2, "no other context has that name"],
  ["no address", ["prod", "--url", "example.com"], 2, "is no address"],
  ["a password in it", ["prod", "--url", "https://a:b@example.com"], 2, "would be seen by others"],
])("%s is refused, and nothing is written", async (_, words, code, says) => {
  const url = words.includes("--url") ? [] : ["--url", house.url];
  const ran = await af(["context", "add", ...words, ...url, "--token-stdin"], { stdin: token });
  expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(says)]);
  expect(existsSync(config("contexts.yaml"))).toBe(false);
});

test("a file that came with somebody's project does not take AF_TOKEN to another machine", async () => {
  mkdirSync(path.join(project, ".agentflow"));
  const dev = { pid: process.pid, url: house.url.replace("http:", "https:"), startedAt: "", version: "" };
  writeFileSync(path.join(project, ".agentflow/dev.json"), JSON.stringify(dev));
  const ran = await af(["run", "list", "--context", "dev"], { environment: { AF_TOKEN: token } });
  expect(ran.code).toBe(errorTable.unavailable.exit);
  expect(ran.stderr).toContain("af dev is not running here");
});

test("a project does not choose one of the user's own contexts: the user does", async () => {
  await add("prod");
  mkdirSync(path.join(project, ".agentflow"));
  writeFileSync(path.join(project, ".agentflow/context"), "prod\n");
  const ran = await af(["run", "list"]);
  expect([ran.code, ran.stdout]).toEqual([errorTable.refused.exit, ""]);
  expect(ran.stderr).toMatch(/context_not_chosen[^]*\.agentflow\/context[^]*af context use prod/);
  expect(await af(["run", "list", "--context", "prod"])).toMatchObject({ code: 0 });
  expect(await af(["context", "use", "prod"])).toMatchObject({ code: 0 });
  expect(await af(["run", "list"])).toMatchObject({ code: 0 });
  // A copy of the project is another one.
  const copy = path.join(root, "copy");
  cpSync(project, copy, { recursive: true });
  expect(await af(["run", "list"], { cwd: copy })).toMatchObject({ code: errorTable.refused.exit });
  // With the context its choice is gone: another one that gets this name was not chosen.
  expect(await af(["context", "rm", "prod"])).toMatchObject({ code: 0 });
  await add("prod");
  writeFileSync(path.join(project, ".agentflow/context"), "prod\n");
  expect(await af(["run", "list"])).toMatchObject({ code: errorTable.refused.exit });
});

test("a file that says af dev runs on another machine is refused, with a token or without", async () => {
  mkdirSync(path.join(project, ".agentflow"));
  const dev = { pid: process.pid, url: "http://198.51.100.1:4180", startedAt: "", version: "" };
  writeFileSync(path.join(project, ".agentflow/dev.json"), JSON.stringify(dev));
  const ran = await af(["run", "hello", "--context", "dev"]);
  expect([ran.code, ran.stdout]).toEqual([errorTable.refused.exit, ""]);
  expect(ran.stderr).toMatch(/dev_elsewhere[^]*dev\.json/);
});

test("a token that is told by its file opens everywhere what AF_TOKEN opens", async () => {
  const file = path.join(root, "token");
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const environment = { AF_URL: house.url, AF_TOKEN_FILE: file };
  expect(await af(["run", "list"], { environment })).toMatchObject({ code: 0 });
  expect((await af(["__complete", "run", "get", ""], { environment })).stdout).toContain("@last");
  const doctor = await af(["doctor"], { environment });
  expect(doctor.stdout).not.toContain("unauthenticated");
  expect(doctor.stdout).not.toContain("✗ bus");
  const view = await af(["config", "view", "--origin"], { environment });
  expect(view.stdout).toMatch(/token +•••• .*environment +AF_TOKEN_FILE/);
});

test("what lies where a file is prepared is never written through", () => {
  const victim = path.join(root, "victim");
  writeFileSync(victim, "as it was", { mode: 0o666 });
  const folder = path.join(project, ".agentflow/contexts");
  mkdirSync(folder, { recursive: true });
  symlinkSync(victim, path.join(folder, `staging.json.${process.pid}`));
  const url = "http://127.0.0.1:1";
  const file = saveContext({
    name: "staging",
    kind: "docker",
    url,
    token,
    folder: project,
    project: "shop",
    target: "staging",
  });
  expect(readFileSync(victim, "utf8")).toBe("as it was");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a wrong token, or an address that does not answer, is not added unless it is said so", async () => {
  const wrong = await af(["context", "add", "prod", "--url", house.url, "--token-stdin"], { stdin: "wrong" });
  expect([wrong.code, wrong.stderr]).toEqual([5, expect.stringContaining("--no-check")]);
  const silent = ["context", "add", "gone", "--url", "http://127.0.0.1:1", "--no-token"];
  expect((await af(silent)).code).toBe(errorTable.unavailable.exit);
  expect(await names()).toEqual(["*dev", "staging"]);
  expect(await af([...silent, "--no-check"])).toMatchObject({ code: 0 });
  const { data } = JSON.parse((await af(["context", "list", "--check", "--json"])).stdout);
  expect(data.items.at(-1)).toMatchObject({ name: "gone", check: { ok: false, code: "unavailable" } });
  expect((await add("prod")).code).toBe(0);
  expect((await add("prod")).code).toBe(8);
  expect((await add("prod", "--replace")).code).toBe(0);
});

test.each([
  ["credentials.json", (file: string) => chmodSync(file, 0o644), "chmod 600"],
  ["credentials.json", (file: string) => writeFileSync(file, "{"), "af context add --replace"],
  [
    "contexts.yaml",
    (file: string) => writeFileSync(file, "contexts: {prod: {url: nowhere}}\n"),
    "correct it",
  ],
  ["contexts.yaml", (file: string) => writeFileSync(file, "contexts: [\n"), "correct it"],
  ["contexts.yaml", (file: string) => writeFileSync(file, "v: 2\n"), "update af"],
])("a %s that cannot be trusted says where and what to do", async (name, spoil, next) => {
  await add("prod");
  spoil(config(name));
  const ran = await af(["run", "list", "--context", "prod"]);
  expect(ran.code).toBe(errorTable.refused.exit);
  expect(ran.stderr).toContain(config(name));
  expect(ran.stderr).toContain(next);
  expect(ran.stderr).not.toContain(token);
});

test("what up leaves is private and ignored by git; the project's own goes before the user's", async () => {
  await add("staging");
  const places = contextPlaces({
    folder: project,
    environment: { XDG_CONFIG_HOME: path.join(root, "config") },
  });
  const file = saveContext({
    name: "staging",
    kind: "docker",
    url: house.url,
    token,
    folder: project,
    project: "shop",
    target: "staging",
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(path.join(project, ".agentflow/.gitignore"), "utf8")).toBe("*\n");
  expect(listContexts(places).map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    "dev dev",
    "staging docker",
  ]);
  expect(await af(["run", "list", "--context", "staging"])).toMatchObject({ code: 0 });
  chmodSync(file, 0o640);
  expect((await af(["run", "list", "--context", "staging"])).stderr).toContain(`chmod 600 ${file}`);
  const list = await af(["context", "list"]);
  expect([list.code, list.stdout]).toEqual([0, expect.stringContaining("can be read by others")]);
  expect(() =>
    saveContext({
      name: "dev",
      kind: "docker",
      url: house.url,
      folder: project,
      project: "shop",
      target: "dev",
    }),
  ).toThrow(/no other context has that name/);
});

test("writers at the same time lose none", async () => {
  const all = Array.from({ length: 6 }, (_, n) => `c${n}`);
  const ran = await Promise.all(all.map((name) => add(name, "--no-check")));
  expect(ran.map(({ code }) => code)).toEqual(all.map(() => 0));
  expect((await names()).filter((name) => name.startsWith("c")).sort()).toEqual(all);
  const { tokens } = JSON.parse(readFileSync(config("credentials.json"), "utf8"));
  expect(Object.keys(tokens).sort()).toEqual(all);
});

test("with --keychain the token is in no file", async () => {
  const bin = path.join(root, "bin");
  mkdirSync(bin);
  writeFileSync(
    path.join(bin, "secret-tool"),
    `#!/bin/sh
case "$1" in store) cat > ${root}/kept ;; lookup) cat ${root}/kept ;; clear) rm ${root}/kept ;; esac
`,
    { mode: 0o755 },
  );
  const environment = { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  const args = ["context", "add", "prod", "--url", house.url, "--token-stdin", "--keychain"];
  expect(await af(args, { stdin: token, environment })).toMatchObject({ code: 0 });
  expect(existsSync(config("credentials.json"))).toBe(false);
  expect(await af(["run", "list", "--context", "prod"], { environment })).toMatchObject({ code: 0 });
  expect(await af(["context", "rm", "prod"], { environment })).toMatchObject({ code: 0 });
  expect(existsSync(path.join(root, "kept"))).toBe(false);
});

test("names are completed, and af config view says which installation and why", async () => {
  await add("prod");
  expect((await af(["__complete", "status", "--context", ""])).stdout.split("\n")).toEqual([
    "dev",
    "staging",
    "prod",
    "",
  ]);
  expect((await af(["__complete", "context", "use", "p"])).stdout).toBe("prod\n");
  const view = await af(["config", "view", "--origin"], { environment: { AF_CONTEXT: "prod" } });
  expect(view.stdout).toMatch(/context +prod .*environment +AF_CONTEXT/);
  expect(view.stdout).toMatch(/token +•••• .*credentials\.json/);
});
