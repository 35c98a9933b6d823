import { isId, parseId } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { caseNames, rendered } from "./fixtures/projects.ts";
import { containerName, copyName } from "./names.ts";
import { allVolumes, mountedVolume } from "./volumes.ts";

describe.each(caseNames)("the installation %s", (name) => {
  test("is as it was, to the letter", async () => {
    // After a change that is meant: npx vitest run -u, and read the difference.
    const text = stringify(await rendered(name), { lineWidth: 0, aliasDuplicateObjects: false });
    await expect(text).toMatchFileSnapshot(`golden/${name}.yaml`);
  });

  test("is the same each time", async () => {
    expect(JSON.stringify(await rendered(name))).toBe(JSON.stringify(await rendered(name)));
  });

  test("starts each part after parts that are there and stand before it", async () => {
    const { parts } = await rendered(name);
    const seen = new Set<string>();
    for (const part of parts) {
      expect([...part.after].filter((one) => !seen.has(one))).toEqual([]);
      seen.add(part.name);
    }
  });

  test("names containers, hosts and volumes apart, and as engines allow", async () => {
    const installation = await rendered(name);
    const copies = installation.parts.flatMap(({ name: part, replicas }) =>
      Array.from({ length: replicas }, (_, n) => [part, n + 1] as const),
    );
    const hosts = copies.map(([part, copy]) => copyName(part, copy));
    expect(new Set(hosts).size).toBe(hosts.length);
    for (const host of hosts) {
      expect(host).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
      // What tells a copy its name is read as the name of a node, or of a worker.
      expect(isId("worker", host)).toBe(true);
    }
    for (const [part, copy] of copies) {
      expect(containerName(installation, part, copy)).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
    }
    const volumes = allVolumes(installation).map((volume) => volume.name);
    expect(new Set(volumes).size).toBe(volumes.length);
  });

  test("mounts only volumes that it has, and lets one part alone write each", async () => {
    const installation = await rendered(name);
    const known = new Set(allVolumes(installation).map((volume) => volume.name));
    const writers = new Map<string, string[]>();
    for (const part of installation.parts) {
      for (let copy = 1; copy <= part.replicas; copy++) {
        for (const mount of part.mounts) {
          const volume = mountedVolume(installation, mount, copy);
          expect(known.has(volume)).toBe(true);
          // The files of tools are the workers' together.
          if (mount.readOnly || part.role === "keys" || mount.volume === "files") continue;
          writers.set(volume, [...(writers.get(volume) ?? []), copyName(part.name, copy)]);
        }
      }
    }
    for (const copies of writers.values()) expect(copies).toHaveLength(1);
  });
});

test("no secret's value, and no key of another part, is in a part", async () => {
  const { parts } = await rendered("large");
  const workers = parts.filter(({ role }) => role === "worker");
  expect(workers.length).toBe(2);
  for (const { mounts } of workers) {
    expect(mounts.map(({ volume }) => volume)).toEqual(["keys-worker", "files"]);
  }
  const register = parts.find(({ role }) => role === "register");
  expect(register?.mounts.map(({ volume }) => volume)).toEqual(["keys-register"]);
  const texts = JSON.stringify(parts.map(({ command, environment }) => ({ command, environment })));
  expect(texts).not.toMatch(/"S[A-Z2-7]{40,}|[0-9a-f]{64}/);
});

test("a control plane asks for the project's secrets only when its own settings name one", async () => {
  const [small, large] = await Promise.all([rendered("small"), rendered("large")]);
  const controlPlane = (of: typeof small) => of.parts.find(({ role }) => role === "control-plane");
  expect(controlPlane(small)?.secretsAt).toBeUndefined();
  expect(controlPlane(large)?.secretsAt).toBe("/run/secrets");
  expect(large.secrets).toEqual(["model-key", "otlp", "shop-key"].map((name) => parseId("secret", name)));
});
