import { openTarget, render } from "@agentflow/cluster";
import { objectsOf } from "@agentflow/cluster/docker";
import { expect, test } from "vitest";
import { standin } from "./standin.ts";

const images = {
  nats: "nats:2.15-alpine",
  controlPlane: "agentflow/control-plane:1",
  worker: "agentflow/triage:1",
};

async function triage(target: object) {
  const authored = {
    apiVersion: "agentflow.dev/v1",
    kind: "Project",
    name: "triage",
    pools: { default: { concurrency: 8 }, gpu: { concurrency: 1 } },
    models: {
      default: {
        provider: "openai-compatible",
        model: "m",
        baseUrl: "http://m",
        apiKey: "secret://model-key",
      },
    },
    targets: { docker: { kind: "docker", ...target } },
  };
  const opened = await openTarget({ authored, target: "docker", variables: {} });
  return objectsOf(render({ target: opened, images, version: "0.1.0" }));
}

test("a small target, object by object", async () => {
  await expect(`${JSON.stringify(await triage({}), null, 2)}\n`).toMatchFileSnapshot("fixtures/small.json");
});

test("three NATS servers, two control planes, two pools", async () => {
  const target = { nats: { replicas: 3 }, controlPlanes: 2, workers: { default: 2, gpu: 1 } };
  await expect(`${JSON.stringify(await triage(target), null, 2)}\n`).toMatchFileSnapshot(
    "fixtures/three.json",
  );
});

test("no two containers publish the same port, and nothing but the API is published", async () => {
  const { containers } = await triage({ controlPlanes: 3, nats: { replicas: 3 } });
  const published = containers.flatMap(({ part, options }) =>
    Object.values(options.HostConfig?.PortBindings ?? {}).flatMap((list) => [[part, JSON.stringify(list)]]),
  );
  expect(published.map(([part]) => part)).toEqual(["control-plane", "control-plane", "control-plane"]);
  expect(new Set(published.map(([, port]) => port)).size).toBe(3);
});

test("the hash of a container changes with what it is made from, and with nothing else", () => {
  const hashes = (more: object) =>
    objectsOf(standin({ project: "p", image: "image:1", port: 1, ...more })).containers.map(
      ({ config }) => config,
    );
  const [keys, controlPlane, worker] = hashes({});
  expect(hashes({ code: "2" })).toEqual([keys, controlPlane, expect.not.stringMatching(worker ?? "")]);
  expect(hashes({ port: 2 })).toEqual([keys, expect.not.stringMatching(controlPlane ?? ""), worker]);
  expect(hashes({ workers: 2 }).slice(0, 3)).toEqual([keys, controlPlane, worker]);
});
