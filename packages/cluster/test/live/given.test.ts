import { resolve } from "node:path";
import { expect, test } from "vitest";
import { readGiven } from "./given.ts";

test("without a kubeconfig it is our own cluster, whatever else is set", () => {
  expect(readGiven({})).toEqual({ kind: "ours" });
  expect(readGiven({ AF_TEST_KUBECONFIG: " ", AF_TEST_REGISTRY: "reg.example/team" })).toEqual({
    kind: "ours",
  });
});

test("a cluster of one's own says how images get there, else one sentence says what to give", () => {
  const AF_TEST_KUBECONFIG = "some/config";
  const own = { kind: "own", kubeconfig: resolve("some/config") };
  expect(readGiven({ AF_TEST_KUBECONFIG, AF_TEST_IMAGE_LOAD: "kind load docker-image {image}" })).toEqual({
    ...own,
    carrier: { imageLoad: "kind load docker-image {image}" },
  });
  expect(readGiven({ AF_TEST_KUBECONFIG, AF_TEST_REGISTRY: "reg.example/team" })).toEqual({
    ...own,
    carrier: { registry: "reg.example/team" },
  });
  expect(() => readGiven({ AF_TEST_KUBECONFIG })).toThrow(/give AF_TEST_IMAGE_LOAD=.*or AF_TEST_REGISTRY=/);
});
