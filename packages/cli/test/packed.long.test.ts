/** `af` as it is published: packed, installed far from any checkout, and what it brings along put to use. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { afterAll, expect, test } from "vitest";

const missing = await engineMissing();
const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../../..");
const folder = mkdtempSync(path.join(tmpdir(), "agentflow-packed-"));
const name = `af-packed-test-${process.pid}`;

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  if (missing !== undefined) return;
  const { docker } = await testEngine();
  const filters = { label: [`dev.agentflow.project=${name}`] };
  for (const { Id } of await docker.listImages({ filters }))
    await docker.getImage(Id).remove({ force: true });
});

test.skipIf(missing !== undefined)(
  `a project is made by it and becomes an image ${missing ?? ""}`,
  async () => {
    const packages = readdirSync(path.join(root, "packages")).filter((each) => each !== "sim");
    const spaces = packages.flatMap((each) => ["--workspace", `packages/${each}`]);
    await run("npm", ["pack", "--silent", "--pack-destination", folder, ...spaces], { cwd: root });
    const packed = readdirSync(folder).map((file) => path.join(folder, file));
    expect(packed).toHaveLength(packages.length);

    const app = path.join(folder, "app");
    mkdirSync(app);
    writeFileSync(path.join(app, "package.json"), '{"private":true}');
    await run("npm", ["install", "--silent", "--no-audit", "--no-fund", ...packed], { cwd: app });
    const engine = await testEngine();
    const { host, docker } = engine;
    const { node, nats } = await baseImages(engine);
    const af = (cwd: string, ...words: string[]) =>
      run(path.join(app, "node_modules/.bin/af"), words, {
        cwd,
        env: { ...process.env, DOCKER_HOST: host, AF_BUILDER: "classic" },
      });

    await af(folder, "init", name, "--no-git");
    const project = path.join(folder, name);
    const target = `{ kind: docker, images: { base: "${node}", nats: "${nats}" } }`;
    writeFileSync(
      path.join(project, "agentflow.yaml"),
      `apiVersion: agentflow.dev/v1\nkind: Project\nname: ${name}\ntargets:\n  docker: ${target}\n`,
    );
    const { stdout } = await af(project, "image", "build");
    expect(stdout).toMatch(`agentflow/${name}:`);
    const container = await docker.createContainer({
      Image: stdout.trim(),
      Cmd: ["validate", "-C", "/srv/project"],
      Tty: true,
      HostConfig: { ReadonlyRootfs: true, NetworkMode: "none", Tmpfs: { "/tmp": "" } },
    });
    try {
      await container.start();
      await container.wait();
      expect((await container.logs({ stdout: true })).toString()).toContain("nothing is wrong");
    } finally {
      await container.remove({ force: true });
    }
  },
);
