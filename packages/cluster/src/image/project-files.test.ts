import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { hashOf, tarOf } from "./context.ts";
import { projectContext } from "./project-files.ts";
import { writtenMark } from "./written.ts";

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function project(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "agentflow-files-"));
  made.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const codeOf = (folder: string): string[] =>
  projectContext(folder)
    .code.map(({ path }) => path.replace(/^code\//, ""))
    .toSorted();

test("code comes in; dependencies, state, history and secrets do not", () => {
  const folder = project({
    "agentflow.yaml": "",
    "tools/a.ts": "",
    ".env": "KEY=1",
    ".env.local": "KEY=1",
    "tools/.env": "KEY=1",
    ".env.example": "KEY=",
    ".npmrc": "//registry/:_authToken=1",
    "node_modules/zod/index.js": "",
    "lib/node_modules/x/index.js": "",
    ".agentflow/secrets.json": "{}",
    ".git/config": "",
    "coverage/index.html": "",
    "run.afdebug": "",
    ".envrc": "export KEY=1",
    "tools/.ENV": "KEY=1",
    ".ssh/id_ed25519": "",
    "deploy/.aws/credentials": "",
    ".docker/config.json": "{}",
    "agentflow-20261126-230444.zst": "",
  });
  expect(codeOf(folder)).toEqual([".env.example", "agentflow.yaml", "tools/a.ts"]);
});

test("what af deploy --out wrote is made from the image, and no part of it", () => {
  const written = `# shop, target prod: written by af 0.1.0. ${writtenMark}\nkind: ServiceAccount\n`;
  const folder = project({
    "agentflow.yaml": "",
    "k8s/01-serviceaccount-shop-prod.yaml": written,
    "k8s/02-role-shop-prod.yaml": written,
    "deploy/chart/Chart.yaml": written,
    "deploy/chart/templates/NOTES.txt": "",
    "deploy/own.yaml": "",
    "theirs/01-a.yaml": "kind: ServiceAccount\n",
  });
  expect(codeOf(folder)).toEqual(["agentflow.yaml", "deploy/own.yaml", "theirs/01-a.yaml"]);
});

test("an ignore file keeps more out and lets defaults back in, but never a secret", () => {
  const folder = project({
    ".afignore": "# drafts\ndrafts\n*.tmp\n!**/*.log\n!.env\n!node_modules\n",
    ".dockerignore": "tools\n",
    ".env": "KEY=1",
    "drafts/a.ts": "",
    "a.tmp": "",
    "seen.log": "",
    "tools/a.ts": "",
    "node_modules/x/index.js": "",
  });
  expect(codeOf(folder)).toEqual([".dockerignore", "seen.log", "tools/a.ts"]);
});

test(".dockerignore holds where there is no .afignore", () => {
  expect(codeOf(project({ ".dockerignore": "a\n", "a/b.ts": "", "c.ts": "" }))).toEqual([
    ".dockerignore",
    "c.ts",
  ]);
});

test("a link within the project stays one; a link that leads out is refused by its name", () => {
  const folder = project({ "prompts/a.md": "" });
  symlinkSync("prompts/a.md", join(folder, "current.md"));
  expect(codeOf(folder)).toEqual(["current.md", "prompts/a.md"]);
  symlinkSync("/etc/hostname", join(folder, "host"));
  expect(() => projectContext(folder)).toThrow(expect.objectContaining({ reason: "link_outside" }));
});

test("a dependency that lies outside of the project is refused with the way out", () => {
  const folder = project({ "package.json": JSON.stringify({ dependencies: { shared: "file:../shared" } }) });
  expect(() => projectContext(folder)).toThrow(
    expect.objectContaining({
      reason: "dependency_outside",
      details: { file: "package.json", dependency: "shared", path: "../shared" },
    }),
  );
});

test("what dependencies are installed from does not change with the code", () => {
  const files = {
    "package.json": JSON.stringify({ dependencies: { a: "file:lib/a", b: "file:b.tgz" } }),
    "lib/a/package.json": JSON.stringify({ name: "a" }),
    "lib/a/index.js": "1",
    "b.tgz": "archive",
  };
  const before = projectContext(project(files));
  const after = projectContext(project({ ...files, "lib/a/index.js": "2" }));
  expect(before.dependencies.map(({ path }) => path).toSorted()).toEqual([
    "dependencies/b.tgz",
    "dependencies/lib/a/package.json",
    "dependencies/package.json",
  ]);
  expect(hashOf(after.dependencies)).toBe(hashOf(before.dependencies));
  expect(hashOf(after.code)).not.toBe(hashOf(before.code));
});

test("without a lock file it is said that versions are not held", () => {
  const folder = project({
    "package.json": JSON.stringify({ dependencies: { a: "1" } }),
    "pnpm-lock.yaml": "",
  });
  expect(projectContext(folder).notes).toEqual([expect.stringContaining("pnpm-lock.yaml is not read")]);
});

test("the same files are the same archive, byte by byte, in whatever order they were listed", async () => {
  const { code } = projectContext(project({ "b.ts": "b", "a.ts": "a", "c/d.ts": "d" }));
  const bytes = async (files: typeof code): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of tarOf(files)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  };
  expect(await bytes(code)).toEqual(await bytes(code.toReversed()));
  expect(hashOf(code)).toBe(hashOf(code.toReversed()));
});

test("a name of a file and its content cannot be taken for one another", () => {
  const file = (path: string, text: string) => ({ path, from: { text } });
  expect(hashOf([file("ab", "c")])).not.toBe(hashOf([file("a", "bc")]));
  expect(hashOf([{ ...file("a", ""), executable: true }])).not.toBe(hashOf([file("a", "")]));
});
