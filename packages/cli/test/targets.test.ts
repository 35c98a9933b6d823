/** Targets of containers: what is wrong with them, and what holds. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runAf } from "./run-af.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "af-targets-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const head = "apiVersion: agentflow.dev/v1\nkind: Project\nname: triage\n";

function write(text: string): void {
  writeFileSync(path.join(folder, "agentflow.yaml"), head + text);
}

const af = (words: readonly string[], environment: { readonly [name: string]: string } = {}) =>
  runAf([...words], { cwd: folder, environment });

const staging = `models:
  default: { provider: "env://PROVIDER?scripted", model: "env://MODEL?small" }
pools: { default: { concurrency: 8 } }
targets:
  staging:
    kind: docker
    workers: { default: 3 }
    overlay:
      pools: { default: { concurrency: 32 } }
`;

describe("af validate", () => {
  test("says what is wrong with a target with file, line and column", async () => {
    write(
      [
        "targets:",
        "  a: { kind: docker, workers: { defualt: 2 } }",
        "  b:",
        "    kind: kubernetes",
        "    overlay:",
        "      pools: { x: { concurrency: 0 } }",
      ].join("\n"),
    );
    const { code, stdout } = await af(["validate"]);
    expect(code).toBe(3);
    expect(stdout).toContain(
      "agentflow.yaml:5:33  error AF940  there is no pool defualt (did you mean default?)",
    );
    expect(stdout).toContain("agentflow.yaml:9:34  error AF942  with this overlay the project is not valid");
  });

  test("a variable that is not set here is no fault of the file", async () => {
    write('targets: { a: { kind: docker, nats: { url: "env://NATS" } } }\n');
    expect(await af(["validate"])).toMatchObject({ code: 0 });
  });
});

describe("af config view --target", () => {
  test("shows every value with the place that it comes from", async () => {
    write(staging);
    const { code, stdout } = await af(["config", "view", "--target", "staging", "--origin"], {
      MODEL: "large",
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^models\.default\.provider +scripted +project {2}agentflow\.yaml:5:24$/m);
    expect(stdout).toMatch(/^models\.default\.model +large +environment {2}MODEL {2}agentflow\.yaml:5:58$/m);
    expect(stdout).toMatch(/^pools\.default\.concurrency +32 +overlay {2}agentflow\.yaml:12:40$/m);
    expect(stdout).toMatch(/^target\.workers\.default +3 +project {2}agentflow\.yaml:10:25$/m);
    expect(stdout).toMatch(/^target\.api\.port +4180 +default/m);
  });

  test("as data it is the same, and --set leaves out what nobody said", async () => {
    write(staging);
    const { stdout } = await af(["config", "view", "--target", "staging", "--set", "--json"]);
    const { data } = JSON.parse(stdout);
    expect(data).toMatchObject({ target: "staging", project: "triage", file: "agentflow.yaml" });
    expect(data.values).toContainEqual({
      key: "pools.default.concurrency",
      value: 32,
      layer: "overlay",
      line: 12,
      column: 40,
    });
    expect(data.values.filter(({ layer }: { layer: string }) => layer === "default")).toEqual([]);
  });

  test("what stands in a variable that looks like a key is not shown", async () => {
    write('targets: { a: { kind: docker, environment: { SHOP: "env://SHOP_TOKEN" } } }\n');
    const secret = { SHOP_TOKEN: "tok-1234567890" };
    const { stdout } = await af(["config", "view", "--target", "a"], secret);
    expect(stdout).toMatch(/^target\.environment\.SHOP +••••$/m);
  });

  test.each([
    ["one that is not there", ["config", "view", "--target", "stagin"], 4, "did you mean staging?"],
    ["one of another kind", ["config", "view", "--target", "dev"], 2, "af dev runs it here"],
  ])("refuses %s", async (_, words, code, says) => {
    write(`${staging}  dev: {}\n`);
    const ran = await af(words);
    expect(ran).toMatchObject({ code, stdout: "" });
    expect(ran.stderr).toContain(says);
  });

  test("a variable that is not set is said with its place", async () => {
    write('targets: { a: { kind: docker, nats: { url: "env://NATS" } } }\n');
    const ran = await af(["config", "view", "--target", "a"]);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("agentflow.yaml:4:44  error AF946  the variable NATS is not set");
  });

  test("names of targets are completed", async () => {
    write(staging);
    const { stdout } = await af(["__complete", "--", "config", "view", "--target", ""]);
    expect(stdout).toBe("staging\n");
  });
});
