/** `af image`: what its commands say on an engine, to people and to scripts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { type Ran, runAf } from "./run-af.ts";

const missing = await engineMissing();
const patient = 600_000;

describe.skipIf(missing !== undefined)(`af image on an engine ${missing ?? ""}`, () => {
  const name = `af-image-test-${process.pid}`;
  const folder = mkdtempSync(path.join(tmpdir(), "af-image-"));
  let host = "";
  const af = (...args: string[]): Promise<Ran> =>
    runAf(args, {
      cwd: folder,
      environment: { DOCKER_HOST: host, AF_BUILDER: "classic" },
      limitMs: patient,
    });

  beforeAll(async () => {
    const engine = await testEngine();
    const { node, nats } = await baseImages(engine);
    host = engine.host;
    const target = `{ kind: docker, images: { base: "${node}", nats: "${nats}" } }`;
    const head = `apiVersion: agentflow.dev/v1\nkind: Project\nname: ${name}\n`;
    writeFileSync(path.join(folder, "agentflow.yaml"), `${head}targets:\n  docker: ${target}\n`);
    mkdirSync(path.join(folder, "tools"));
  }, patient);

  afterAll(async () => {
    const { docker } = await testEngine();
    const filters = { label: [`dev.agentflow.project=${name}`] };
    for (const { Id } of await docker.listImages({ filters }))
      await docker.getImage(Id).remove({ force: true });
    rmSync(folder, { recursive: true, force: true });
  }, patient);

  test(
    "the image of the project is all of stdout, and is listed; of two the older one goes",
    async () => {
      const first = await af("image", "build");
      expect(first).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(`^agentflow/${name}:[0-9a-f]{12}\n$`),
      });
      writeFileSync(path.join(folder, "tools", "new.ts"), "export {};\n");
      const second = await af("image", "build", "--json");
      const { data } = JSON.parse(second.stdout);
      expect(data.built.map(({ fromCache }: { fromCache: boolean }) => fromCache)).toEqual([
        true,
        true,
        false,
      ]);
      const listed = await af("image", "list");
      expect(listed.stdout).toContain(first.stdout.trim());
      const would = await af("image", "prune", "--dry-run");
      expect(would).toMatchObject({ code: 0, stdout: first.stdout });
      expect(await af("image", "prune")).toMatchObject({ code: 0, stdout: first.stdout });
      expect((await af("image", "list")).stdout).toContain(data.images.worker);
    },
    patient,
  );

  test("a target that is not there is said, with those that are", async () => {
    const ran = await af("image", "build", "--target", "dokcer");
    expect(ran.code).toBe(4);
    expect(ran.stderr).toContain("did you mean docker?");
  });
});
