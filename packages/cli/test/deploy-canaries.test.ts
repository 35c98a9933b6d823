/** Values that must be seen nowhere but where they belong: in the Secret, and in the header of a request. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ran, runAf } from "./run-af.ts";

const canary = "canary-of-a-secret-0123456789";
const encoded = Buffer.from(canary).toString("base64");
const images = [
  "--image",
  "control-plane=agentflow/control-plane:1",
  "--image",
  "worker=agentflow/shop:0f3a12bc44de",
];
let cluster: TestCluster;
let folder = "";
let project = "";
let kubeconfig = "";
let token = "";

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "unrun" });
  folder = mkdtempSync(join(tmpdir(), "af-canary-"));
  project = join(folder, "shop");
  mkdirSync(project);
  writeFileSync(
    join(project, "agentflow.yaml"),
    `apiVersion: agentflow.dev/v1
kind: Project
name: shop
models: {default: {provider: openai-compatible, model: small, apiKey: "secret://model-key"}}
targets: {prod: {kind: kubernetes}}
`,
  );
  const user = cluster.userKubeconfig("ann", { groups: ["system:masters"] });
  ({ token } = user);
  // The token comes from a plugin, as in most clusters of a cloud.
  const plugin = join(folder, "give-token");
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token },
  };
  writeFileSync(plugin, `#!/bin/sh\nprintf '%s' '${JSON.stringify(credential)}'\n`);
  chmodSync(plugin, 0o700);
  const version = credential.apiVersion;
  const exec = `{exec: {apiVersion: ${version}, command: ${plugin}, interactiveMode: Never}}`;
  const text = readFileSync(user.kubeconfig, "utf8");
  kubeconfig = join(folder, "kubeconfig");
  const replaced = text.replace(/\{\s*"?token"?:[^}]*\}|token: .*/, (found) =>
    found.startsWith("{") ? exec : exec.slice(1, -1),
  );
  expect(replaced).not.toContain(token);
  writeFileSync(kubeconfig, replaced, { mode: 0o600 });
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Command lines of a process and all below it, as anybody on this machine may read them. */
function commandLines(pid: number): string {
  const own = readFileSync(`/proc/${pid}/cmdline`, "utf8");
  const below = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return [own, ...below.map((child) => commandLines(Number(child)))].join("\n");
}

const seen: string[] = [];

async function af(args: readonly string[], stdin = ""): Promise<Ran> {
  let looking: NodeJS.Timeout | undefined;
  const ran = await runAf(args, {
    cwd: project,
    stdin,
    environment: {
      KUBECONFIG: kubeconfig,
      HOME: folder,
      AF_DEBUG: "1",
      XDG_CONFIG_HOME: join(folder, "config"),
    },
    onStart: (pid) => {
      const look = (): void => {
        try {
          seen.push(commandLines(pid));
        } catch {
          // It has ended meanwhile.
        }
      };
      looking = setInterval(look, 20);
    },
  });
  clearInterval(looking);
  seen.push(ran.stdout, ran.stderr);
  return ran;
}

/** Every file below, with its mode where it is for its owner alone. */
function filesBelow(of: string): readonly string[] {
  return readdirSync(of, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name));
}

test("secrets, tokens and keys show in no output, file, command line or object but their own", async () => {
  expect(await af(["secrets", "set", "model-key"], canary)).toMatchObject({ code: 0 });
  expect(await af(["deploy", "prod", "--plan", ...images])).toMatchObject({ code: 16 });
  expect(await af(["deploy", "prod", "--no-wait", "--json", "--reason", "first", ...images])).toMatchObject({
    code: 0,
  });
  const secret = cluster.store.get({ resource: "secrets", namespace: "shop", name: "shop-prod-secrets" });
  expect(secret?.["data"]).toEqual({ "model-key": encoded });
  await af(["secrets", "set", "model-key"], `${canary}-another`);
  const changed = await af(["deploy", "prod", "--plan", "--json", ...images]);
  expect(changed).toMatchObject({ code: 16 });
  expect(changed.stdout).toContain("(secret)");
  expect(await af(["deploy", "prod", "--plan", "--debug", ...images])).toMatchObject({ code: 16 });
  for (const out of ["manifests=-", "chart=./chart", "manifests=./manifests", "compose=./compose.yaml"])
    await af(["deploy", "prod", "--out", out, ...images]);
  for (const args of [["list"], ["status"], ["rollback", "9", "--target"], ["gc", "--plan"]])
    await af(["deploy", ...args, "prod", "--json"]);
  cluster.faults.expire(token);
  expect(await af(["deploy", "prod", "--debug", ...images])).toMatchObject({ code: 5 });

  const kinds = ["configmaps", "secrets", "events", "deployments.apps", "jobs.batch", "statefulsets.apps"];
  const objects = kinds
    .flatMap((kind) => cluster.store.list(kind, "shop"))
    .filter((one) => one.metadata.name !== "shop-prod-secrets");
  const revision = objects.find(({ metadata }) => metadata.name === "shop-prod-revision-1");
  expect(revision).toBeDefined();
  const packed = /"release":"([^"]*)"/.exec(JSON.stringify(revision))?.[1] ?? "";
  const { gunzipSync } = await import("node:zlib");
  const everywhere = [...seen, JSON.stringify(objects), gunzipSync(Buffer.from(packed, "base64")).toString()];
  for (const text of everywhere) for (const one of [canary, encoded, token]) expect(text).not.toContain(one);

  // Files: secrets of the project where they are kept, and nothing that others may read beside it.
  const files = filesBelow(project);
  expect(files.some((file) => file.endsWith("contexts/prod.json"))).toBe(true);
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    if (text.includes(canary) || text.includes(token) || file.includes("/.agentflow/contexts/"))
      expect([file, statSync(file).mode & 0o077]).toEqual([file, 0]);
    expect([file, text.includes(token)]).toEqual([file, false]);
  }
});
