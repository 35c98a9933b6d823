/** What the parts of an installation in containers need before they start, and services that use it. */
import { natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readCommandTable } from "../../src/help/parse-command-table.ts";
import { runAf, wordsOf } from "../run-af.ts";
import { openedHere } from "./opened.ts";
import { openedServices } from "./opened-services.ts";
import { oneTool, type Scratch } from "./scratch.ts";

const missing = await natsServerMissing();
const { project } = openedHere();
const { nats, server, worker, service } = openedServices();

const prepare = (scratch: Scratch, ...words: string[]) =>
  runAf(["bus", "prepare", "parts", ...words], { cwd: scratch.dir });

function filesIn(scratch: Scratch): { readonly [file: string]: string } {
  const folder = path.join(scratch.dir, "parts");
  const parts = readdirSync(folder).sort();
  const files = parts.flatMap((part) =>
    readdirSync(path.join(folder, part)).map((name) => `${part}/${name}`),
  );
  return Object.fromEntries(files.map((file) => [file, readFileSync(path.join(folder, file), "utf8")]));
}

describe("af bus prepare", () => {
  test("its examples do what they say", async () => {
    const scratch = project(oneTool("return n;"));
    const examples = readCommandTable().commands["bus:prepare"]?.examples ?? [];
    expect(examples.length).toBeGreaterThanOrEqual(2);
    for (const example of examples) {
      const ran = await runAf(wordsOf(example).slice(1), { cwd: scratch.dir });
      if (example.includes("--secrets")) {
        // That one is for a pod of a cluster: cluster-secrets.test.ts.
        expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining("is for a pod of a cluster") });
        continue;
      }
      expect(`${example}: ${ran.code} ${ran.stderr}`).toBe(`${example}: 0 `);
      rmSync(path.join(scratch.dir, "parts"), { recursive: true });
    }
  });

  test("each part gets its own and nothing of another's, readable by its owner alone", async () => {
    const scratch = project(oneTool("return n;"));
    const made = await prepare(scratch, "--nats", "3", "--pool", "gpu", "--json");
    expect(made.code).toBe(0);
    const files = filesIn(scratch);
    expect(Object.keys(files)).toEqual([
      "control-plane/archiver.nk",
      "control-plane/control-plane.nk",
      "control-plane/token",
      "nats/auth.conf",
      "nats/nats.conf",
      "nats/routes",
      "nats/servers",
      "register/register.nk",
      "register/token",
      "worker/worker-default.nk",
    ]);
    expect(files["register/token"]).toBe(files["control-plane/token"]);
    for (const file of Object.keys(files)) {
      const mode = statSync(path.join(scratch.dir, "parts", file)).mode & 0o777;
      expect(`${file} ${mode.toString(8)}`).toBe(`${file} ${file === "nats/auth.conf" ? "644" : "600"}`);
    }
    // What it prints is kept in the engine's logs.
    for (const secret of ["control-plane/token", "worker/worker-default.nk", "nats/routes"]) {
      expect(made.stdout).not.toContain(files[secret]?.trim());
    }
  });

  test("a second time nothing changes; another pool is added, and no identity is made anew", async () => {
    const scratch = project(oneTool("return n;"));
    await prepare(scratch, "--pool", "default", "--nats", "3");
    const first = filesIn(scratch);
    const again = await prepare(scratch, "--pool", "default", "--nats", "3", "--json");
    const states = JSON.parse(again.stdout).data.files.map(({ state }: { state: string }) => state);
    expect(new Set(states)).toEqual(new Set(["kept"]));
    expect(filesIn(scratch)).toEqual(first);
    await prepare(scratch, "--pool", "default", "--pool", "gpu", "--nats", "3");
    const third = filesIn(scratch);
    expect(third["nats/auth.conf"]).toContain("MSG.NEXT.AF_TASK.default_gpu_dev");
    expect({ ...third, "nats/auth.conf": "" }).toEqual({ ...first, "nats/auth.conf": "" });
  });

  test("what one part lost is made again without touching the others'", async () => {
    const scratch = project(oneTool("return n;"));
    await prepare(scratch);
    const first = filesIn(scratch);
    for (const part of ["worker", "register"]) {
      rmSync(path.join(scratch.dir, "parts", part), { recursive: true });
    }
    await prepare(scratch);
    const second = filesIn(scratch);
    expect(second["control-plane/control-plane.nk"]).toBe(first["control-plane/control-plane.nk"]);
    expect(second["register/token"]).toBe(first["register/token"]);
    expect(second["worker/worker-default.nk"]).not.toBe(first["worker/worker-default.nk"]);
  });

  test("another number of servers is refused: they would remove what is there", async () => {
    const scratch = project(oneTool("return n;"));
    await prepare(scratch);
    const before = filesIn(scratch);
    const ran = await prepare(scratch, "--nats", "3");
    expect(ran).toMatchObject({ code: 8, stdout: "" });
    expect(ran.stderr).toContain("written by 1 server of NATS, not by 3");
    expect(filesIn(scratch)).toEqual(before);
  });

  test("without a NATS of ours there is the token alone", async () => {
    const scratch = project(oneTool("return n;"));
    expect((await prepare(scratch, "--nats", "0")).code).toBe(0);
    expect(Object.keys(filesIn(scratch))).toEqual(["control-plane/token", "register/token"]);
  });

  test("a folder that cannot be made is said, with exit code 6", async () => {
    const scratch = project(oneTool("return n;"));
    writeFileSync(path.join(scratch.dir, "parts"), "a file");
    const ran = await prepare(scratch);
    expect(ran).toMatchObject({ code: 6, stdout: "" });
    expect(ran.stderr).toContain("folder_not_writable");
  });
});

describe.skipIf(missing !== undefined)("services on what was prepared", () => {
  test("one token opens two control planes, and registering waits for the code", async () => {
    const scratch = project(oneTool("return n;"));
    await prepare(scratch);
    const parts = path.join(scratch.dir, "parts");
    const bus = await startNatsServer({
      config: `include ${path.join("..", path.basename(scratch.dir), "parts/nats/auth.conf")}`,
    });
    try {
      const token = { AF_TOKEN_FILE: path.join(parts, "control-plane/token") };
      const { AF_TOKEN_FILE: tokenFile } = token;
      const nkey = path.join(parts, "control-plane/control-plane.nk");
      const archiver = path.join(parts, "control-plane/archiver.nk");
      const identity = ["--nkey", nkey, "--inbox", "_AF.control-plane", "--archiver", archiver];
      const words = (node: string): string[] => {
        return ["server", "--bus", bus.url, "--state", node, "--node", node, "--port", "0", ...identity];
      };
      const one = service(words("one"), scratch.dir, token);
      const two = service([...words("two"), "--token-file", tokenFile], scratch.dir);
      const urls = await Promise.all(
        [one, two].map(async (each) => String((await each.said("ready"))["url"])),
      );
      const register = (url: string, wait: string) =>
        runAf(["workflow", "register", "--wait", wait], {
          cwd: scratch.dir,
          environment: { AF_URL: url, AF_TOKEN_FILE: path.join(parts, "register/token") },
        });
      const early = await register(urls[0] ?? "", "100ms");
      expect(early.code).toBe(7);
      expect(early.stderr).toMatch(/no worker runs the code [0-9a-f]{12} after 100ms: there are none/);
      const waiting = register(urls[1] ?? "", "1m");
      const key = path.join(parts, "worker/worker-default.nk");
      service(["worker", "--bus", bus.url, "--nkey", key, "--inbox", "_AF.worker-default"], scratch.dir);
      expect(await waiting).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^✓ one {2}[0-9a-f]{12}\n$/),
      });
    } finally {
      await bus.close();
    }
  });

  test("a token's file that is not there, or holds none, ends a server and a client", async () => {
    const scratch = project(oneTool("return n;"));
    const bus = await nats();
    writeFileSync(path.join(scratch.dir, "empty"), "\n");
    const started = service(
      ["server", "--bus", bus.url, "--port", "0", "--token-file", "empty"],
      scratch.dir,
    );
    expect(await started.exited).toBe(2);
    expect(started.stderr).toContain("empty holds no token");
    const environment = { AF_URL: "http://127.0.0.1:1", AF_TOKEN_FILE: "nowhere" };
    const ran = await runAf(["status"], { cwd: scratch.dir, environment });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("invalid_token_file");
  });

  test("workflows that are written in code are registered too", async () => {
    const scratch = project({
      ...oneTool("return n;"),
      "workflows/coded.ts": [
        'import { defineWorkflow } from "@agentflow/sdk";',
        'import { z } from "zod";',
        "const input = z.object({ n: z.number() });",
        'export default defineWorkflow({ name: "coded", input })',
        '  .set("one", ({ input }) => input.n)',
        "  .output(({ steps }) => ({ one: steps.one }));",
      ].join("\n"),
    });
    const bus = await nats();
    const plane = server(scratch, bus.url);
    await worker(scratch, bus.url).said("code loaded");
    const { url } = await plane.said("ready");
    const environment = { AF_URL: String(url), AF_TOKEN_FILE: path.join(scratch.dir, "server/token") };
    const ran = await runAf(["workflow", "register"], { cwd: scratch.dir, environment });
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining("✓ coded") });
  });
});
