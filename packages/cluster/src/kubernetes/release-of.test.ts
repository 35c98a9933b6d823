import { isId } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { caseNames, releasedInCluster, renderedInCluster } from "./fixtures/projects.ts";
import { kubernetesLabels } from "./labels.ts";

describe.each(caseNames)("the release %s", (name) => {
  test("is as it was, to the letter", async () => {
    // After a change that is meant: npx vitest run -u, and read the difference.
    const { objects, ...rest } = await releasedInCluster(name);
    const text = [rest, ...objects].map((one) =>
      stringify(one, { lineWidth: 0, aliasDuplicateObjects: false }),
    );
    await expect(text.join("---\n")).toMatchFileSnapshot(`golden/${name}.yaml`);
  });

  test("is the same each time", async () => {
    expect(JSON.stringify(await releasedInCluster(name))).toBe(JSON.stringify(await releasedInCluster(name)));
  });

  test("names no two objects of a kind alike, and as a cluster allows", async () => {
    const { objects } = await releasedInCluster(name);
    const all = objects.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`);
    expect(new Set(all).size).toBe(all.length);
    for (const { kind, metadata } of objects) {
      expect(metadata.name).toMatch(/^[a-z]([a-z0-9-]*[a-z0-9])?$/);
      // Controllers make labels of these names, with a hash behind the one of a StatefulSet.
      expect(metadata.name.length).toBeLessThanOrEqual(kind === "StatefulSet" ? 52 : 63);
      expect(isId("worker", `${metadata.name.slice(0, 58)}abcde`)).toBe(true);
    }
  });

  test("has labels that a cluster takes, the same on each object", async () => {
    const { objects, name: release } = await releasedInCluster(name);
    for (const { metadata } of objects) {
      const labels: object = Object(metadata["labels"]);
      for (const value of Object.values(labels)) {
        expect(value).toMatch(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/);
      }
      expect(labels).toMatchObject({
        [kubernetesLabels.managedBy]: "agentflow",
        [kubernetesLabels.instance]: release,
      });
    }
  });

  test("leaves no file of a part behind", async () => {
    // Parts have had none so far: the first one needs a ConfigMap.
    const { parts } = await renderedInCluster(name);
    expect(parts.flatMap(({ files }) => files)).toEqual([]);
  });
});
