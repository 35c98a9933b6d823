/** Images in a real registry: pushed once, deployed by content, and each way in which a registry says no. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { AgentFlowError } from "@agentflow/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, findEngine, openEngine } from "../src/docker/engine/index.ts";
import { type Images } from "../src/image/images.ts";
import { imagesInRegistry, type PushedImages, platformOf, pushImages } from "../src/image/index.ts";
import { loadBareImages } from "./bare-images.ts";
import { type TestEngine, engineMissing, testEngine } from "./engine/index.ts";
import { type TestRegistry, registryMissing, startRegistry, testLogin } from "./registry/index.ts";

const missing = (await engineMissing()) ?? (await registryMissing());
const long = 120_000;

describe.skipIf(missing !== undefined)(`images in a registry ${missing ?? ""}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), "agentflow-push-"));
  const name = `push-test-${process.pid}`;
  const images: Images = {
    controlPlane: `agentflow/${name}-control-plane:0.1.0-1`,
    worker: `agentflow/${name}:1`,
    nats: "nats:2.15-alpine",
  };
  let target: TestEngine;
  let engine: Engine;
  let open: TestRegistry;
  let closed: TestRegistry;

  beforeAll(async () => {
    target = await testEngine();
    engine = await openEngine(await findEngine({ environment: { DOCKER_HOST: target.host }, home: scratch }));
    await load(images.controlPlane, images.worker);
    [open, closed] = await Promise.all([startRegistry(), startRegistry({ auth: true })]);
  }, long);

  afterAll(async () => {
    const all = await target.docker.listImages();
    const isOurs = (reference: string): boolean => reference.includes(name);
    const ours = all.filter(({ RepoTags, RepoDigests }) =>
      [...(RepoTags ?? []), ...(RepoDigests ?? [])].some(isOurs),
    );
    for (const { Id } of ours) await target.docker.getImage(Id).remove({ force: true });
    engine.close();
    await Promise.all([open.stop(), closed.stop()]);
    rmSync(scratch, { recursive: true, force: true });
  }, long);

  async function load(...references: string[]): Promise<void> {
    const created = `2020-01-01T00:00:00Z`;
    await loadBareImages(
      target.docker,
      references.map((reference) => ({ reference, created, labels: { of: reference } })),
    );
  }

  /** A folder for DOCKER_CONFIG, and programs beside it. */
  function client(config: object, helper?: string): Record<string, string | undefined> {
    const folder = mkdtempSync(join(scratch, "client-"));
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    mkdirSync(join(folder, "bin"));
    if (helper !== undefined) {
      const program = join(folder, "bin", "docker-credential-aftest");
      writeFileSync(program, `#!/bin/sh\n${helper}\n`);
      chmodSync(program, 0o755);
    }
    const path = `${join(folder, "bin")}${delimiter}${process.env["PATH"] ?? ""}`;
    return { PATH: path, DOCKER_CONFIG: folder, FOLDER: folder };
  }

  const auth = (password: string): string =>
    Buffer.from(`${testLogin.username}:${password}`).toString("base64");

  interface Push {
    readonly host: string;
    readonly environment?: Record<string, string | undefined>;
    readonly images?: Images;
    readonly said?: string[];
  }

  function push({ host, environment = client({}), said = [], ...more }: Push): Promise<PushedImages> {
    return pushImages({
      engine,
      images: more.images ?? images,
      registry: `${host}/team`,
      environment,
      home: scratch,
      progress: { step: (text) => said.push(text), line: (text) => said.push(text) },
      nowMs: () => 0,
    });
  }

  const manifests = (registry: TestRegistry): string[] =>
    registry.requests().filter((line) => line.startsWith("PUT") && line.includes("/manifests/"));

  test(
    "what is not there is pushed and named by its content; what is there is not pushed again",
    async () => {
      const said: string[] = [];
      const first = await push({ host: open.host, said });
      const { host } = open;
      expect(first.pushed.map(({ reference, wasThere }) => ({ reference, wasThere }))).toEqual([
        { reference: `${host}/team/${name}-control-plane:0.1.0-1`, wasThere: false },
        { reference: `${host}/team/${name}:1`, wasThere: false },
      ]);
      expect(first.images.nats).toBe(images.nats);
      expect(first.images.worker).toMatch(new RegExp(`^${host}/team/${name}@sha256:[0-9a-f]{64}$`));
      expect(said).toContain(`pushing ${host}/team/${name}:1`);
      await expect.poll(() => manifests(open)).toHaveLength(2);

      const named = { engine, registry: `${host}/team`, environment: client({}), home: scratch };
      const progress = { step: () => undefined, line: () => undefined };
      const planned = { ...images, worker: `agentflow/${name}:2` };
      expect(await imagesInRegistry({ ...named, images: planned, progress, nowMs: () => 0 })).toEqual({
        ...first.images,
        worker: `${host}/team/${name}:2`,
      });
      const again = await push({ host });
      expect(again.images).toEqual(first.images);
      expect(again.pushed.every(({ wasThere }) => wasThere)).toBe(true);
      expect(manifests(open)).toHaveLength(2);
    },
    long,
  );

  test(
    "the reference by content is one that can be pulled",
    async () => {
      const other = { ...images, worker: `agentflow/${name}:pulled` };
      await load(other.worker);
      const { images: pushed } = await push({ host: open.host, images: other });
      await target.docker.getImage(other.worker).remove();
      await target.docker.getImage(`${open.host}/team/${name}:pulled`).remove();
      expect(await platformOf(engine, pushed.worker)).toBeUndefined();
      const pulling = await target.docker.pull(pushed.worker);
      await new Promise((resolve) => target.docker.modem.followProgress(pulling, resolve));
      expect(await platformOf(engine, pushed.worker)).toBe("linux/amd64");
      // Another machine has built and pushed it: this one needs neither.
      await target.docker.getImage(pushed.worker).remove();
      const elsewhere = await push({ host: open.host, images: other });
      expect(elsewhere.images.worker).toBe(pushed.worker);
    },
    long,
  );

  test(
    "a tag that somebody else has moved is pushed again",
    async () => {
      const moved = { ...images, worker: `agentflow/${name}:moved` };
      await load(moved.worker);
      const ours = await push({ host: open.host, images: moved });
      const theirs = `agentflow/${name}:theirs`;
      await load(theirs);
      const [repo, tag] = [`${open.host}/team/${name}`, "moved"];
      await target.docker.getImage(theirs).tag({ repo, tag });
      const pushing = await target.docker.getImage(repo).push({ tag, authconfig: emptyLogin });
      await new Promise((resolve) => target.docker.modem.followProgress(pushing, resolve));
      const again = await push({ host: open.host, images: moved });
      expect(again.pushed.at(-1)?.wasThere).toBe(false);
      expect(again.images.worker).toBe(ours.images.worker);
    },
    long,
  );

  test("an image that is nowhere is said with what builds it", async () => {
    const none = { ...images, worker: `agentflow/${name}:none` };
    await expect(push({ host: open.host, images: none })).rejects.toMatchObject({
      code: "not_found",
      reason: "image_missing",
    });
  });

  test("a registry that asks, and nobody who is logged in", async () => {
    await expect(push({ host: closed.host })).rejects.toMatchObject({
      code: "unauthenticated",
      reason: "registry_no_login",
      suggestions: [`docker login ${closed.host}`],
    });
    expect(manifests(closed)).toEqual([]);
  });

  test("a wrong password is said, and shown nowhere", async () => {
    const said: string[] = [];
    const environment = client({ auths: { [closed.host]: { auth: auth("wrong-and-hidden") } } });
    const error = await push({ host: closed.host, environment, said }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "unauthenticated", reason: "registry_denied" });
    const shown = AgentFlowError.is(error) ? [error.message, error.details, error.suggestions] : [];
    const everything = JSON.stringify([shown, said]);
    expect(everything).not.toContain("wrong-and-hidden");
    expect(everything).not.toContain(auth("wrong-and-hidden"));
  });

  test(
    "a login in config.json, by host or by URL",
    async () => {
      for (const server of [closed.host, `https://${closed.host}/v2/`]) {
        const environment = client({ auths: { [server]: { auth: auth(testLogin.password) } } });
        const { images: pushed } = await push({ host: closed.host, environment });
        expect(pushed.worker).toContain(`${closed.host}/team/${name}@sha256:`);
      }
    },
    long,
  );

  test(
    "a helper is asked over its stdin, for this registry or for all",
    async () => {
      const answer = JSON.stringify({ Username: testLogin.username, Secret: testLogin.password });
      const helper = `echo "$@" >>"$FOLDER/words"; cat >>"$FOLDER/asked"; echo '${answer}'`;
      for (const config of [{ credHelpers: { [closed.host]: "aftest" } }, { credsStore: "aftest" }]) {
        const environment = client(config, helper);
        const worker = `agentflow/${name}:${"credsStore" in config ? "store" : "helper"}`;
        await load(worker);
        const { pushed } = await push({ host: closed.host, environment, images: { ...images, worker } });
        expect(pushed.at(-1)?.wasThere).toBe(false);
        expect(readFileSync(join(environment["FOLDER"] ?? "", "words"), "utf8")).toBe("get\n");
        expect(readFileSync(join(environment["FOLDER"] ?? "", "asked"), "utf8")).toBe(closed.host);
      }
    },
    long,
  );

  test.for([
    ["keeps none", "echo 'credentials not found in native keychain'; exit 1", "registry_no_login"],
    ["fails", "echo locked >&2; exit 3", "registry_helper_failed"],
    ["talks", "echo hello", "registry_helper_failed"],
    ["is not there", undefined, "registry_helper_failed"],
  ] as const)("a helper that %s", async ([, helper, reason]) => {
    const environment = client({ credHelpers: { [closed.host]: "aftest" } }, helper);
    const said: string[] = [];
    await expect(push({ host: closed.host, environment, said })).rejects.toMatchObject({
      code: "unauthenticated",
      reason,
    });
    expect(said.includes("locked")).toBe(helper?.includes("locked") === true);
  });

  test(
    "a registry that is down is said at once, and nothing is pushed",
    async () => {
      const gone = await startRegistry();
      await gone.stop();
      const said: string[] = [];
      await expect(push({ host: gone.host, said })).rejects.toMatchObject({
        code: "unavailable",
        reason: "registry_unreachable",
      });
      expect(said).toEqual([]);
    },
    long,
  );

  test("a push that is stopped before it began does nothing", async () => {
    const stop = new AbortController();
    stop.abort();
    const pushing = pushImages({
      engine,
      images: { ...images, worker: `agentflow/${name}:stopped` },
      registry: `${open.host}/team`,
      environment: client({}),
      home: scratch,
      progress: { step: () => undefined, line: () => undefined },
      nowMs: () => 0,
      signal: stop.signal,
    });
    await expect(pushing).rejects.toMatchObject({ name: "AbortError" });
  });
});

const emptyLogin = { username: "", password: "", serveraddress: "" };
