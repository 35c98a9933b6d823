import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scanText } from "../src/project/scan-code.ts";
import { readCommandTable } from "../src/help/parse-command-table.ts";
import { type Ran, runAf, wordsOf } from "./run-af.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "af-project-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const af = (...args: string[]): Promise<Ran> => runAf(args, { cwd: folder });

function write(file: string, text: string): void {
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

const head = "apiVersion: agentflow.dev/v1\n";

describe("init", () => {
  test("its examples do what they say", async () => {
    const examples = readCommandTable().commands["init"]?.examples ?? [];
    expect(examples.length).toBeGreaterThanOrEqual(2);
    for (const example of examples) {
      const ran = await af(...wordsOf(example).slice(1), "--no-install");
      expect(`${example}: ${ran.code} ${ran.stderr}`).toMatch(/: 0 /);
      rmSync(path.join(folder, "my-team"), { recursive: true, force: true });
    }
  });

  test("a new project is free of leftovers, takes our packages from here, and is committed", async () => {
    const ran = await af("init", "my-team", "--no-install", "--yes", "--json");
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const { data } = JSON.parse(ran.stdout);
    expect(data).toMatchObject({ name: "my-team", template: "minimal", committed: true, installed: false });
    expect(data.next).toHaveLength(3);
    const dir = path.join(folder, "my-team");
    const files = readdirSync(dir, { recursive: true, encoding: "utf8" });
    expect(
      files.filter(
        (file) => file.endsWith(".hbs") || file.includes("_gitignore") || file === "template.json",
      ),
    ).toEqual([]);
    expect(readFileSync(path.join(dir, "agentflow.yaml"), "utf8")).toContain("name: my-team");
    const manifest = JSON.parse(readFileSync(path.join(dir, "package.json"), "utf8"));
    const source = manifest.dependencies["@agentflow/sdk"].replace(/^file:/, "");
    expect(JSON.parse(readFileSync(path.join(source, "package.json"), "utf8")).name).toBe("@agentflow/sdk");
    expect(execFileSync("git", ["status", "--short"], { cwd: dir, encoding: "utf8" })).toBe("");
  });

  test("a folder with things in it is refused, named one by one, and left as it is", async () => {
    write("mine.txt", "mine");
    const ran = await af("init", "--yes");
    expect(ran.code).toBe(8);
    expect(ran.stderr).toContain("mine.txt");
    expect(readdirSync(folder)).toEqual(["mine.txt"]);
  });

  test("a dry run writes nothing", async () => {
    const ran = await af("init", "x", "--template", "repo-report", "--dry-run");
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("repo-report.yaml");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("without a terminal nothing is asked: defaults are taken", async () => {
    expect((await af("init", "y", "--no-install", "--no-git")).code).toBe(0);
    expect(existsSync(path.join(folder, "y/.git"))).toBe(false);
  });

  test("wrong names are refused with what would do", async () => {
    const template = await af("init", "x", "--template", "minimla");
    expect(template).toMatchObject({ code: 4 });
    expect(template.stderr).toContain("did you mean: minimal");
    const name = await af("init", "x", "--name", "My Team");
    expect(name.code).toBe(2);
    expect(name.stderr).toContain("--name my-team");
    expect((await af("init", "--list", "--json")).stdout).toContain("repo-report");
  });
});

describe("validate", () => {
  test("each fault is told with file, line, column, the line itself and a hint; exit 3", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: broken\npoolz: {}\n`);
    write(
      "workflows/a.yaml",
      `${head}kind: Workflow\nname: a\nsteps:\n  one: {uses: set, needs: [two]}\n` +
        "  two: {uses: set, needs: [one], retyr: {max: 2}}\n",
    );
    write("workflows/b.yaml", `${head}kind: Workflow\nname: b\nname: c\nsteps: {}\n`);
    const ran = await af("validate");
    expect(ran.code).toBe(3);
    expect(ran.stdout).toMatch(/agentflow\.yaml:4:1 {2}error AF907 .*"poolz" \(did you mean pools\?\)/);
    expect(ran.stdout).toMatch(/workflows\/a\.yaml:\d+:\d+ {2}error AF102 .*one → two → one/);
    expect(ran.stdout).toMatch(/workflows\/a\.yaml:6:\d+ {2}error AF001 {2}"retyr".*retry/);
    expect(ran.stdout).toMatch(/workflows\/b\.yaml:4:1 {2}error AF902/);
    expect(ran.stdout).toMatch(/4 │ poolz: \{\}\n {4}│ \^/);
    const json = JSON.parse((await af("validate", "--json")).stdout);
    expect(json).toMatchObject({ ok: false, error: { code: "invalid_project" } });
    expect(json.error.details.findings.length).toBeGreaterThanOrEqual(4);
  });

  test("of text that is no YAML the first place is told, not all that follows from it", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: broken\n`);
    write(
      "workflows/a.yaml",
      `${head}kind: Workflow\nname: a\nsteps: [\n  one:\n    uses: set\n  two:\n    uses: set\n`,
    );
    const { code, stdout } = await af("validate");
    expect(code).toBe(3);
    expect(stdout.match(/AF901/g)).toHaveLength(1);
    expect(stdout).toContain("hint: the cause may be in the line before");
  });

  test("alias bombs, deep nesting and huge files are findings, quickly", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: bombs\n`);
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${
          i === 0
            ? "x"
            : Array(9)
                .fill(`*a${i - 1}`)
                .join(",")
        }]`,
    );
    write("workflows/alias.yaml", `${levels.join("\n")}\n`);
    write("workflows/deep.yaml", `a: ${"[".repeat(5_000)}${"]".repeat(5_000)}\n`);
    write("workflows/huge.yaml", `a: "${"x".repeat(300 * 1024)}"\n`);
    const ran = await af("validate");
    expect(ran.code).toBe(3);
    for (const file of ["alias", "deep", "huge"])
      expect(ran.stdout).toMatch(new RegExp(`workflows/${file}\\.yaml.*AF903`));
  });

  // The first once was waited for without end, the second read into memory until there was none.
  test("what is no file, or has no end, is said and not read", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: odd\n`);
    mkdirSync(path.join(folder, "workflows/folder.yaml"), { recursive: true });
    execFileSync("/bin/sh", ["-c", `mkfifo "${path.join(folder, "workflows/pipe.yaml")}"`]);
    symlinkSync("/dev/zero", path.join(folder, "workflows/zero.yaml"));
    const ran = await af("validate");
    expect(ran.code).toBe(3);
    for (const name of ["folder", "pipe", "zero"]) {
      expect(ran.stdout).toMatch(new RegExp(`workflows/${name}\\.yaml.*AF903`));
    }
  });

  test("TypeScript that Node cannot strip is named with file and line", () => {
    const texts: readonly (readonly [string, string, number])[] = [
      ["const a = 1;\nenum Kind { A }\n", "AF921", 2],
      ["class A {\n  constructor(private x: number) {}\n}\n", "AF921", 2],
      ["namespace N { export const a = 1 }\n", "AF921", 1],
      ["import { a } from './b';\n", "AF922", 1],
      ["// fine\n@Service()\nclass A {}\n", "AF923", 2],
      ["let x: = 1;\n", "AF920", 1],
    ];
    for (const [text, code, line] of texts) {
      expect(scanText("tools/a.ts", text)).toMatchObject([{ code, line, file: "tools/a.ts" }]);
    }
    const fine =
      'import type { A } from "./a.ts";\nimport { z } from "zod";\n' +
      "export const a: A = z.x;\n/**\n * @param x\n */\n";
    expect(scanText("tools/a.ts", fine)).toEqual([]);
  });

  test("a pool that the project does not have is a warning at the step that asks for it", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: triage\npools: { heavy: { concurrency: 2 } }\n`);
    const steps = "  a: { uses: set, pool: heavy }\n  b: { uses: set, pool: havy }\n";
    write("workflows/w.yaml", `${head}kind: Workflow\nname: w\nplanner: { kind: static }\nsteps:\n${steps}`);
    const ran = await af("validate");
    expect(ran.stdout).toContain(
      "w.yaml:7:25  warning AF951  agentflow.yaml has no pool havy (did you mean heavy?)",
    );
    expect(ran.stdout).not.toContain("no pool heavy");
  });

  test("outside a project it says so and how to make one", async () => {
    const ran = await af("validate");
    expect(ran.code).toBe(3);
    expect((await af("dev")).code).toBe(3);
    expect(ran.stderr).toContain("af init");
  });
});

describe("doctor", () => {
  test("a healthy folder exits 0, and each line says a fact", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: healthy\n`);
    const ran = await af("doctor", "--json");
    const { checks } = JSON.parse(ran.stdout).data;
    expect(ran.code).toBe(0);
    const names = checks.map(({ name }: { name: string }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["node", "af", "port", "disk", "write", "af dev", "state", "project"]),
    );
  });

  test("an invalid project is ✗ with the command that shows it, and the exit code is 3", async () => {
    write("agentflow.yaml", "kind: Nothing\n");
    const ran = await af("doctor");
    expect(ran.code).toBe(3);
    expect(ran.stdout).toMatch(/✗ project .*\n\s+fix: af validate/);
  });

  test("an af dev that was killed is told apart from one that runs", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: killed\n`);
    write(
      ".agentflow/dev.json",
      JSON.stringify({ pid: 2 ** 22 + 1, url: "http://127.0.0.1:1", startedAt: "", version: "" }),
    );
    const ran = await af("doctor");
    expect(ran.stdout).toMatch(/! af dev .*ended without saying so/);
  });

  test("state of a newer version is ✗", async () => {
    write("agentflow.yaml", `${head}kind: Project\nname: newer\n`);
    mkdirSync(path.join(folder, ".agentflow/state"), { recursive: true });
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(path.join(folder, ".agentflow/state/log.db"));
    db.exec(
      "CREATE TABLE meta (key TEXT, value TEXT); INSERT INTO meta VALUES ('written_by', 'af 9.0.0');" +
        "PRAGMA user_version = 99",
    );
    db.close();
    const ran = await af("doctor");
    expect(ran.code).toBe(3);
    expect(ran.stdout).toMatch(/✗ state .*format 99, written by af 9\.0\.0: newer/);
  });
});
