/** Images on a real engine, by both builders: what is in them, what is not, and what a change rebuilds. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, findEngine, openEngine } from "../src/docker/engine/index.ts";
import { findBuildx } from "../src/image/builder/buildx.ts";
import {
  type BuildOptions,
  type BuiltImages,
  buildImages,
  imageLabels,
  listImages,
  prunable,
  pruneImages,
} from "../src/image/index.ts";
import { loadBareImages } from "./bare-images.ts";
import { type TestEngine, baseImages, clientFolder, engineMissing, testEngine } from "./engine/index.ts";

const missing = await engineMissing();
const template = fileURLToPath(new URL("../../../templates/minimal", import.meta.url));
const budgetBytes = 120 * 1024 * 1024;
const hour = 600_000;

describe.skipIf(missing !== undefined)(`images on an engine ${missing ?? ""}`, () => {
  const projects: string[] = [];
  const scratch = mkdtempSync(join(tmpdir(), "agentflow-images-"));
  let target: TestEngine;
  let engine: Engine;
  let environment: Record<string, string | undefined>;
  let bases: { readonly base: string; readonly nats: string };
  let noBuildx: string | undefined;

  beforeAll(async () => {
    target = await testEngine();
    const { node, nats } = await baseImages(target);
    bases = { base: node, nats };
    environment = { ...process.env, DOCKER_HOST: target.host };
    environment["DOCKER_CONFIG"] = await clientFolder(["docker-buildx"]);
    const address = await findEngine({ environment, home: scratch });
    engine = await openEngine(address);
    const found = await findBuildx(address, environment);
    if (typeof found === "string") noBuildx = found;
    if (noBuildx !== undefined && process.env["CI"] === "true") throw new Error(noBuildx);
  }, hour);

  afterAll(async () => {
    const ours = (await listImages(engine)).filter(({ project }) => projects.includes(project ?? ""));
    await pruneImages(engine, ours);
    engine.close();
    rmSync(scratch, { recursive: true, force: true });
  }, hour);

  /** As `af init` makes it: our packages from this installation, and one from the registry. */
  function project(name: string): string {
    const folder = join(scratch, name);
    projects.push(name);
    cpSync(template, folder, { recursive: true });
    const dependencies = { "@agentflow/sdk": "file:/opt/somewhere/packages/sdk", zod: "4.6.7" };
    const packages = {
      "": { name, dependencies },
      "../somewhere/packages/sdk": { name: "@agentflow/sdk", version: "0.1.0" },
      "node_modules/@agentflow/sdk": { resolved: "../somewhere/packages/sdk", link: true },
      "node_modules/zod": { version: "4.6.7" },
    };
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, type: "module", dependencies }));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ name, lockfileVersion: 3, packages }));
    writeFileSync(
      join(folder, "agentflow.yaml"),
      `apiVersion: agentflow.dev/v1\nkind: Project\nname: ${name}\n`,
    );
    return folder;
  }

  function optionsFor(name: string, folder: string, builder: "classic" | "buildx"): BuildOptions {
    return {
      engine,
      project: name,
      folder,
      images: bases,
      // Each builder makes all of them; those of the classic one serve other test files too.
      version: builder === "classic" ? "0.1.0" : "0.0.0-buildx",
      environment,
      home: scratch,
      progress: { step: () => undefined, line: () => undefined },
      builder,
      nowMs: () => performance.now(),
    };
  }

  for (const builder of ["classic", "buildx"] as const) {
    describe(builder, () => {
      const name = `images-test-${builder}-${process.pid}`;
      const folder = project(name);
      let images: BuiltImages;

      beforeAll(async () => {
        if (builder === "buildx" && noBuildx !== undefined) return;
        writeFileSync(join(folder, ".env"), "MODEL_KEY=not-for-images\n");
        images = await buildImages(optionsFor(name, folder, builder));
      }, hour);

      test("each is within its budget above the base", (context) => {
        context.skip(builder === "buildx" && noBuildx !== undefined, noBuildx);
        expect(images.built.map(({ image }) => image)).toEqual([
          "agentflow/control-plane",
          "agentflow/worker",
          `agentflow/${name}`,
        ]);
        for (const { bytes } of images.built) expect(bytes).toBeLessThan(budgetBytes);
      });

      test(
        "the same project again is not built",
        async (context) => {
          context.skip(builder === "buildx" && noBuildx !== undefined, noBuildx);
          const again = await buildImages(optionsFor(name, folder, builder));
          expect(again.images).toEqual(images.images);
          expect(again.built.every(({ fromCache }) => fromCache)).toBe(true);
        },
        hour,
      );

      test(
        "it runs as a user without rights on a root that cannot be written",
        async (context) => {
          context.skip(builder === "buildx" && noBuildx !== undefined, noBuildx);
          const { worker, controlPlane } = images.images;
          for (const image of [worker, controlPlane]) {
            expect(await run(target.docker, image, { command: ["--version"] })).toMatch(/^af \d/);
          }
          expect(
            await run(target.docker, worker, { command: ["-p", "process.getuid()"], entrypoint: ["node"] }),
          ).toBe("1000");
          expect(await run(target.docker, worker, { command: ["validate", "-C", "/srv/project"] })).toContain(
            "nothing is wrong",
          );
        },
        hour,
      );

      test(
        "the user's code is its own to read and nobody's to write, and gets the image's own packages",
        async (context) => {
          context.skip(builder === "buildx" && noBuildx !== undefined, noBuildx);
          const script = [
            "const { statSync, realpathSync, readdirSync } = require('node:fs')",
            "const { uid } = statSync('/srv/project/agentflow.yaml')",
            "const sdk = realpathSync('/srv/project/node_modules/@agentflow/sdk')",
            "console.log(uid, statSync('/srv/project').uid, sdk)",
          ].join(";");
          const said = await run(target.docker, images.images.worker, {
            command: ["-e", script],
            entrypoint: ["node"],
          });
          const sdk = "/opt/agentflow/node_modules/@agentflow/sdk";
          expect(said).toBe(`0 0 ${sdk}`);
        },
        hour,
      );

      test(
        "a change of code is a new tag that differs in the last layer alone",
        async (context) => {
          context.skip(builder === "buildx" && noBuildx !== undefined, noBuildx);
          writeFileSync(join(folder, "tools", "more.ts"), "export const more = 1;\n");
          const changed = await buildImages(optionsFor(name, folder, builder));
          expect(changed.built.map(({ fromCache }) => fromCache)).toEqual([true, true, false]);
          const before = await layersOf(target.docker, images.images.worker);
          const after = await layersOf(target.docker, changed.images.worker);
          expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
          expect(after.at(-1)).not.toBe(before.at(-1));
        },
        hour,
      );

      test(
        "no secret is in the files, and none in the history",
        async (context) => {
          context.skip(builder === "buildx" && noBuildx !== undefined, noBuildx);
          const { worker } = images.images;
          const script = [
            "const { readdirSync } = require('node:fs')",
            "const { statSync } = require('node:fs')",
            "const folders = readdirSync('/').filter((top) => statSync('/' + top).isDirectory())",
            "const tops = folders.filter((top) => !/^(proc|sys|dev)$/.test(top))",
            "const found = tops.flatMap((top) => readdirSync('/' + top, { recursive: true }))",
            "const secret = /(^|\\/)(\\.env|\\.npmrc|ca\\.pem)$/",
            "console.log(found.filter((path) => secret.test(path)).join() || 'none')",
          ].join(";");
          expect(
            await run(target.docker, worker, { command: ["-e", script], entrypoint: ["node"], root: true }),
          ).toBe("none");
          expect(JSON.stringify(await target.docker.getImage(worker).history())).not.toMatch(
            /not-for-images|PRIVATE/,
          );
        },
        hour,
      );
    });
  }

  test(
    "npm asks where the user's .npmrc says, and its token is shown nowhere",
    async (context) => {
      // Nothing listens there: what counts is where npm asked, and what is left of the token.
      const name = `images-test-npmrc-${process.pid}`;
      const folder = project(name);
      context.skip(noBuildx !== undefined, noBuildx);
      const npmrc = join(scratch, "npmrc");
      writeFileSync(
        npmrc,
        "registry=http://127.0.0.1:9/\n//127.0.0.1:9/:_authToken=not-for-images\nfetch-retries=0\n",
      );
      const manifest = { name, dependencies: { zod: "4.6.7" } };
      writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
      const said: string[] = [];
      const options = optionsFor(name, folder, "buildx");
      const building = buildImages({
        ...options,
        environment: { ...environment, NPM_CONFIG_USERCONFIG: npmrc },
        progress: { step: () => undefined, line: (line) => said.push(line) },
      });
      await expect(building).rejects.toMatchObject({ code: "unavailable", reason: "build_network" });
      expect(said.join("\n")).toContain("http://127.0.0.1:9/zod");
      expect(said.join("\n")).not.toContain("not-for-images");
    },
    hour,
  );

  test(
    "a broken step of the user's is named with its line and what it printed",
    async () => {
      const name = `images-test-steps-${process.pid}`;
      const folder = project(name);
      const steps = [
        "ARG WORKER_IMAGE",
        "FROM ${WORKER_IMAGE}",
        "USER root",
        "RUN echo almost && exit 7",
        "",
      ];
      writeFileSync(join(folder, "Dockerfile.agentflow"), steps.join("\n"));
      await expect(buildImages(optionsFor(name, folder, "classic"))).rejects.toMatchObject({
        code: "invalid_project",
        reason: "build_failed",
        details: { file: "Dockerfile.agentflow", line: 4, lines: ["almost"] },
      });
    },
    hour,
  );

  test(
    "a base image that is nowhere is said with the command that brings it",
    async () => {
      const name = `images-test-base-${process.pid}`;
      const options = optionsFor(name, project(name), "classic");
      const images = { ...bases, base: "localhost:9/agentflow-test/none:1" };
      await expect(buildImages({ ...options, images })).rejects.toMatchObject({
        code: "not_found",
        reason: "image_missing",
        suggestions: expect.arrayContaining(["docker pull localhost:9/agentflow-test/none:1"]),
      });
    },
    hour,
  );

  test(
    "a build that is stopped ends, and leaves no container",
    async () => {
      const name = `images-test-stop-${process.pid}`;
      const folder = project(name);
      const mark = `sleep 9${process.pid}`;
      const steps = ["ARG WORKER_IMAGE", "FROM ${WORKER_IMAGE}", `RUN echo begun && ${mark}`, ""];
      writeFileSync(join(folder, "Dockerfile.agentflow"), steps.join("\n"));
      const stop = new AbortController();
      const line = (text: string): void => void (text === "begun" && stop.abort());
      const options = { ...optionsFor(name, folder, "classic"), signal: stop.signal };
      const building = buildImages({ ...options, progress: { step: () => undefined, line } });
      await expect(building).rejects.toMatchObject({ reason: "cancelled" });
      await expect.poll(() => running(target.docker, mark), { timeout: 30_000 }).toBe(0);
    },
    hour,
  );

  test(
    "images of one second are listed in the order in which they were made, newest first",
    async () => {
      // Engines list whole seconds: by them alone the older image was kept and the newer one removed.
      const name = `images-test-second-${process.pid}`;
      projects.push(name);
      const made = ["d", "a", "c", "b"].map((tag, place) => ({
        reference: `agentflow/${name}:${tag}`,
        created: `2020-01-01T00:00:00.${place + 1}00000000Z`,
        labels: { [imageLabels.kind]: "project", [imageLabels.project]: name },
      }));
      await loadBareImages(target.docker, made);
      const listed = (await listImages(engine)).filter(({ project: of }) => of === name);
      expect(listed.map(({ reference }) => reference)).toEqual(
        made.map(({ reference }) => reference).toReversed(),
      );
      const stays = prunable(listed, { project: name, keep: 1 }).map(({ reference }) => reference);
      expect(stays).not.toContain(`agentflow/${name}:b`);
    },
    hour,
  );

  test(
    "of a project's images the old ones go and the newest stays",
    async () => {
      const name = `images-test-prune-${process.pid}`;
      const folder = project(name);
      await buildImages(optionsFor(name, folder, "classic"));
      writeFileSync(join(folder, "tools", "more.ts"), "export const more = 2;\n");
      const { images } = await buildImages(optionsFor(name, folder, "classic"));
      const gone = await pruneImages(engine, prunable(await listImages(engine), { project: name, keep: 1 }));
      expect(gone.length).toBe(1);
      const left = (await listImages(engine)).filter(({ project: of }) => of === name);
      expect(left.map(({ reference }) => reference)).toEqual([images.worker]);
    },
    hour,
  );
});

interface Running {
  readonly command: string[];
  readonly entrypoint?: string[];
  /** To look at everything; else as installations run it. */
  readonly root?: boolean;
}

/** What it prints, without the last line break. */
async function run(docker: Docker, image: string, { command, entrypoint, root }: Running): Promise<string> {
  const hardened = { CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"] };
  const container = await docker.createContainer({
    Image: image,
    Cmd: command,
    ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
    ...(root === true ? { User: "0" } : {}),
    Tty: true,
    Env: ["NO_COLOR=1"],
    HostConfig: {
      ReadonlyRootfs: true,
      NetworkMode: "none",
      Tmpfs: { "/tmp": "" },
      ...(root === true ? {} : hardened),
    },
  });
  try {
    await container.start();
    await container.wait();
    return (await container.logs({ stdout: true, stderr: true })).toString().trim();
  } finally {
    await container.remove({ force: true });
  }
}

async function layersOf(docker: Docker, image: string): Promise<string[]> {
  return (await docker.getImage(image).inspect()).RootFS.Layers ?? [];
}

async function running(docker: Docker, mark: string): Promise<number> {
  const all = await docker.listContainers();
  return all.filter(({ Command }) => Command.includes(mark)).length;
}
