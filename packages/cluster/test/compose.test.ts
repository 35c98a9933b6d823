/** The written compose file on a real engine, by docker-compose itself. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "@agentflow/sdk/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { findEngine, openEngine } from "../src/docker/engine/index.ts";
import { buildImages, listImages, pruneImages } from "../src/image/index.ts";
import { composeOf, effectiveYaml, openTarget, render } from "../src/index.ts";
import { type CaseName, caseNames, rendered } from "../src/model/fixtures/projects.ts";
import { baseImages, clientFolder, engineMissing, testEngine } from "./engine/index.ts";

const missing = await engineMissing();
const demo = fileURLToPath(new URL("../../../examples/docker", import.meta.url));
const run = promisify(execFile);
const longMs = 600_000;

describe.skipIf(missing !== undefined)(`the compose file on an engine ${missing ?? ""}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), "agentflow-compose-"));
  const project = `compose-${process.pid}`;
  const file = join(scratch, "docker-compose.yml");
  let environment: Record<string, string | undefined>;
  let end = async (): Promise<void> => undefined;

  const docker = (...words: string[]) => run("docker", words, { env: { ...environment }, cwd: scratch });

  beforeAll(async () => {
    const { host } = await testEngine();
    const folder = await clientFolder(["docker-buildx", "docker-compose"]);
    environment = {
      ...process.env,
      DOCKER_HOST: host,
      DOCKER_CONFIG: folder,
      MODEL_KEY: "k",
      OTLP: "o",
      SHOP_KEY: "s",
    };
  }, longMs);

  afterAll(async () => {
    await end();
    rmSync(scratch, { recursive: true, force: true });
  }, longMs);

  test.each<CaseName>([...caseNames])("compose takes the file of %s", async (name) => {
    const written = join(scratch, `${name}.yml`);
    writeFileSync(written, composeOf(await rendered(name)));
    const { stderr } = await docker("compose", "--file", written, "config", "--quiet");
    expect(stderr).toBe("");
  });

  test(
    "the demo runs, and what it did is there after down and up",
    async () => {
      const port = await freePort();
      const authored: unknown = {
        ...parse(readFileSync(join(demo, "agentflow.yaml"), "utf8")),
        name: project,
        targets: { docker: { kind: "docker", api: { port } } },
      };
      const { url, token, ups } = await up(authored, port);
      const client = createClient({ url, token });
      try {
        const answer = await client.runs.startAndWait("digest", { text: "so many words" });
        const output = { words: 3, sentence: "3 words, none longer than words." };
        expect(answer).toMatchObject({ status: "completed", output });
        await docker("compose", "down");
        await ups();
        expect((await client.runs.list({})).runs).toMatchObject([
          { workflow: "digest", status: "completed" },
        ]);
      } finally {
        client.close();
      }
    },
    longMs,
  );

  async function up(authored: unknown, port: number) {
    const { node, nats } = await baseImages(await testEngine());
    const target = await openTarget({ authored, target: "docker", variables: { AF_BASE_IMAGE: node } });
    const engine = await openEngine(await findEngine({ environment, home: scratch }));
    end = async () => {
      await docker("compose", "down", "--volumes").catch(() => undefined);
      await pruneImages(
        engine,
        (await listImages(engine)).filter((image) => image.project === project),
      );
      engine.close();
    };
    const { images } = await buildImages({
      engine,
      project,
      folder: demo,
      agentflowYaml: effectiveYaml(target),
      images: { base: node, nats },
      version: "0.1.0",
      environment,
      home: scratch,
      progress: { step: () => undefined, line: () => undefined },
      nowMs: () => performance.now(),
    });
    writeFileSync(file, composeOf(render({ target, images, version: "0.1.0" })));
    const ups = async (): Promise<void> => {
      await docker("compose", "up", "--detach").catch(async (error: unknown) => {
        const { stdout } = await docker("compose", "logs", "--no-color");
        throw new Error(`compose up did not work, and this was said:\n${stdout}`, { cause: error });
      });
      await docker("wait", `${project}-docker-register-1`);
      const { stdout } = await docker("logs", `${project}-docker-register-1`);
      expect(stdout).toContain("✓ digest");
    };
    await ups();
    const read = ["exec", `${project}-docker-control-plane-1`, "node", "-p"];
    const { stdout } = await docker(...read, 'fs.readFileSync("/etc/agentflow/keys/token", "utf8").trim()');
    return { url: `http://127.0.0.1:${port}`, token: stdout.trim(), ups };
  }
});

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
