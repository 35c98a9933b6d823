/** Every template and example is made, validated, tested and run, as a person would. */
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { startAndFollow } from "../../examples/client/follow.ts";

const root = path.resolve(import.meta.dirname, "../..");
const af = path.join(root, "packages/cli/bin/run.js");
const run = promisify(execFile);
const folder = mkdtempSync(path.join(os.tmpdir(), "agentflow-templates-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const templates = readdirSync(path.join(root, "templates"));
const inputs: { readonly [template: string]: string } = {
  minimal: `{"name":"Ada"}`,
  "research-team": "@inputs/trees.json",
  "support-triage": "@inputs/refund.json",
  "repo-report": JSON.stringify({
    lockfile: path.join(root, "templates/repo-report/fixtures/package-lock.json"),
  }),
};
const workflows: { readonly [template: string]: string } = {
  minimal: "hello",
  "repo-report": "repo-report",
  "research-team": "research",
  "support-triage": "triage",
};
/** Runs that stop and ask a person. */
const asking: ReadonlySet<string> = new Set(["support-triage"]);

describe.each(templates)("the template %s", (template) => {
  const dir = path.join(folder, template);

  test("is made and valid", async () => {
    await run(process.execPath, [
      af,
      "init",
      dir,
      "--template",
      template,
      "--yes",
      "--no-install",
      "--no-git",
    ]);
    symlinkSync(path.join(root, "node_modules"), path.join(dir, "node_modules"));
    const { stdout } = await run(process.execPath, [af, "validate", "--json"], { cwd: dir });
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { findings: [] } });
  });

  test("passes its own tests", async () => {
    await run(process.execPath, ["--test", "tests/**/*.test.ts"], { cwd: dir });
  });

  test("says in one line what is wrong when npm test runs under an older Node", async () => {
    const old = "Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })";
    const args = [`--import=data:text/javascript,${encodeURIComponent(old)}`, "check-node.js"];
    const wrong = run(process.execPath, args, { cwd: dir });
    await expect(wrong).rejects.toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/^\S+ needs Node 24\.11 or newer; this is Node 20\.20\.2 .*\n$/),
    });
    expect(await run(process.execPath, ["check-node.js"], { cwd: dir })).toEqual({ stdout: "", stderr: "" });
    const { scripts } = JSON.parse(readFileSync(path.join(dir, "package.json"), "utf8"));
    expect(scripts.pretest).toBe("node check-node.js");
  });

  test("runs", async () => {
    const dev = spawn(process.execPath, [af, "dev", "--json", "--port", "0"], {
      cwd: dir,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await new Promise<void>((resolve, reject) => {
        dev.once("exit", (code) => reject(new Error(`af dev ended with ${code}`)));
        dev.stdout.on("data", (chunk: Buffer) => {
          if (chunk.toString("utf8").includes(`"kind":"ready"`)) resolve();
        });
      });
      const input = inputs[template] ?? "{}";
      const args = [af, "run", workflows[template] ?? template, "--input", input, "--json"];
      if (asking.has(template)) await runAndApprove(args, dir);
      else {
        const { stdout } = await run(process.execPath, args, { cwd: dir });
        expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { status: "completed" } });
      }
      if (template === "minimal") {
        expect(await startAndFollow(dir, "hello", {})).toHaveProperty("lines");
      }
    } finally {
      dev.kill("SIGINT");
      await new Promise((resolve) => dev.once("exit", resolve));
    }
  });
});

/** As its README says: the run stops and asks, somebody says yes, it ends. */
async function runAndApprove(args: readonly string[], dir: string): Promise<void> {
  await expect(run(process.execPath, [...args], { cwd: dir })).rejects.toMatchObject({ code: 12 });
  const asked = await run(process.execPath, [af, "approvals", "list", "--json"], { cwd: dir });
  const [{ approval, run: id }] = JSON.parse(asked.stdout).data.approvals;
  await run(process.execPath, [af, "approvals", "approve", approval, "--yes"], { cwd: dir });
  const watched = await run(process.execPath, [af, "run", "watch", id, "--json"], { cwd: dir });
  expect(watched.stdout).toContain("run_completed");
}

describe("the example orders", () => {
  const dir = path.join(folder, "orders");

  test("is valid and passes its tests", async () => {
    cpSync(path.join(root, "examples/orders"), dir, { recursive: true });
    symlinkSync(path.join(root, "node_modules"), path.join(dir, "node_modules"));
    const { stdout } = await run(process.execPath, [af, "validate", "--json"], { cwd: dir });
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
    await run(process.execPath, ["--test", "tests/**/*.test.ts"], { cwd: dir });
  });
});
