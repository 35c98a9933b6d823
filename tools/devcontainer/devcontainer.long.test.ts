/** The devcontainer on a real engine, as an editor makes it: built, started as its user, tests run in it. */
import { execFile } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { baseImages, engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { afterAll, expect, test } from "vitest";
import { parseDevcontainer } from "./parse-devcontainer.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const missing = await engineMissing();
const label = "dev.agentflow.test=devcontainer";
const image = "agentflow-test/devcontainer:1";
const work = missing === undefined ? mkdtempSync(join(tmpdir(), "agentflow-devcontainer-")) : "";
const imageUser = 1_000;

afterAll(async () => {
  if (missing !== undefined) return;
  rmSync(work, { recursive: true, force: true });
  const { docker } = await testEngine();
  for (const { Id } of await docker.listContainers({ all: true, filters: { label: [label] } }))
    await docker.getContainer(Id).remove({ force: true });
  await docker
    .getImage(image)
    .remove()
    .catch(() => undefined);
});

test.skipIf(missing !== undefined)(
  `npm test runs in it, from a fresh checkout ${missing ?? ""}`,
  async () => {
    const { docker } = await testEngine();
    const { node } = await baseImages(await testEngine());
    await checkout();
    const { build, remoteUser } = parseDevcontainer(
      readFileSync(join(work, ".devcontainer/devcontainer.json"), "utf8"),
    );
    const context = join(work, ".devcontainer", build.context);
    const stream = await docker.buildImage(
      { context, src: filesIn(context) },
      { t: image, dockerfile: build.dockerfile, buildargs: { BASE_IMAGE: node } },
    );
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
    });
    const words = ["npm", "test", "--", "packages/protocol/src/ids.test.ts"];
    const container = await docker.createContainer({
      Image: image,
      Cmd: words,
      User: remoteUser,
      WorkingDir: "/workspaces/agentflow",
      Labels: { "dev.agentflow.test": "devcontainer" },
      HostConfig: { Binds: [`${work}:/workspaces/agentflow`], Init: true },
    });
    await container.start();
    const { StatusCode } = await container.wait();
    const said = (await container.logs({ stdout: true, stderr: true })).toString("utf8");
    expect(said).toMatch(/\d+ passed, 0 failed/);
    expect(StatusCode).toBe(0);
  },
  600_000,
);

/** Files as they are committed or about to be, owned by the container's user, with this network's roots. */
async function checkout(): Promise<void> {
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  for (const file of stdout.split("\n").filter((one) => one !== "" && existsSync(join(root, one))))
    cpSync(join(root, file), join(work, file));
  const roots = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  if (roots !== "" && existsSync(roots)) {
    const copy = join(work, ".devcontainer/certificates/here.crt");
    cpSync(roots, copy, { dereference: true });
    chmodSync(copy, 0o644);
  }
  if (process.getuid?.() !== 0) return;
  chownSync(work, imageUser, imageUser);
  for (const file of readdirSync(work, { recursive: true, encoding: "utf8" }))
    chownSync(join(work, file), imageUser, imageUser);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
