import { describe, expect, test } from "vitest";
import { type NodePlatform, checkPlatforms, isOnNodes } from "./platforms.ts";
import { type PullSecret, checkPullSecrets } from "./pull-secrets.ts";

function node(name: string, architecture: string, more: Partial<NodePlatform> = {}): NodePlatform {
  const labels = { "kubernetes.io/arch": architecture };
  return { name, operatingSystem: "linux", architecture, labels, closed: false, images: [], ...more };
}

test("an image is on the nodes when each that pods may come to says so, by whatever name", () => {
  const images = ["docker.io/library/nats:2.15-alpine", "docker.io/agentflow/triage:0f3a"];
  const full = node("a", "amd64", { images });
  const shut = node("b", "amd64", { closed: true });
  const bare = node("c", "amd64");
  for (const name of ["nats:2.15-alpine", "agentflow/triage:0f3a", images[1] ?? ""])
    expect(isOnNodes(name, { nodes: [full, shut] })).toBe(true);
  expect(isOnNodes("agentflow/triage:0f3b", { nodes: [full] })).toBe(false);
  expect(isOnNodes("registry.example/agentflow/triage:0f3a", { nodes: [full] })).toBe(false);
  expect(isOnNodes("agentflow/triage:0f3a", { nodes: [full, bare] })).toBe(false);
  expect(isOnNodes("agentflow/triage:0f3a", { nodes: [shut] })).toBe(false);
});

describe("the processors of nodes", () => {
  const amd = { platform: "linux/amd64", target: "prod" };

  test("nodes that can all run the images, closed ones, others that no pod goes to, none at all", () => {
    checkPlatforms({ ...amd, nodes: [node("a", "amd64"), node("b", "arm64", { closed: true })] });
    const selector = { "kubernetes.io/arch": "amd64" };
    checkPlatforms({ ...amd, nodes: [node("a", "amd64"), node("b", "arm64")], selector });
    checkPlatforms({ ...amd, nodes: [] });
  });

  test("where none can, the images have to be built elsewhere", () => {
    const check = (): void => checkPlatforms({ ...amd, nodes: [node("a", "arm64"), node("b", "arm64")] });
    expect(check).toThrow("the images are for linux/amd64, and 2 nodes are linux/arm64");
    expect(check).toThrow(
      expect.objectContaining({
        code: "refused",
        reason: "image_platform",
        suggestions: expect.arrayContaining([expect.stringContaining("linux/arm64")]),
      }),
    );
  });

  test("where some can, the target may keep to them", () => {
    const nodes = [node("a", "amd64"), node("b", "arm64")];
    const selector = "nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: amd64} of target prod";
    expect(() => checkPlatforms({ ...amd, nodes })).toThrow(
      expect.objectContaining({ suggestions: [expect.stringContaining(selector)] }),
    );
  });
});

describe("pull secrets", () => {
  const type = "kubernetes.io/dockerconfigjson";
  const withLogin = (server: string): PullSecret => {
    const config = { auths: { [server]: { auth: "aGlkZGVuOmhpZGRlbg==" } } };
    return { type, data: { ".dockerconfigjson": Buffer.from(JSON.stringify(config)).toString("base64") } };
  };
  const there: Readonly<Record<string, PullSecret>> = {
    good: withLogin("registry.example.com"),
    url: withLogin("https://registry.example.com/v2/"),
    other: withLogin("ghcr.io"),
    opaque: { type: "Opaque" },
    broken: { type, data: { ".dockerconfigjson": "bm8ganNvbg==" } },
  };
  const check = (...names: string[]): Promise<readonly string[]> =>
    checkPullSecrets({
      names,
      namespace: "triage",
      registry: "registry.example.com/team",
      read: (name) => Promise.resolve(there[name]),
    });

  test("a login for the registry in any of them", async () => {
    expect(await check()).toEqual([]);
    expect(await check("good")).toEqual([]);
    expect(await check("other", "url")).toEqual([]);
  });

  test("logins for other registries alone are said", async () => {
    expect(await check("other")).toEqual([expect.stringContaining("has a login for registry.example.com")]);
    expect(await check("broken")).toHaveLength(1);
  });

  test("one that is not there, and one of another type", async () => {
    await expect(check("good", "absent")).rejects.toMatchObject({
      code: "not_found",
      reason: "pull_secret_missing",
    });
    await expect(check("opaque")).rejects.toMatchObject({ code: "refused", reason: "pull_secret_type" });
  });
});
