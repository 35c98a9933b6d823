/** What a server takes as parameters of a request, and as a right to open a way into a pod. */
import { expect, test, beforeAll, afterAll } from "vitest";
import { startTestCluster, type TestCluster } from "../src/index.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster({ plain: true });
});
afterAll(async () => cluster.stop());

async function patch(query: string, type: string, body: object) {
  const path = `/api/v1/namespaces/default/configmaps/one?${query}`;
  const headers = { authorization: `Bearer ${cluster.adminToken}`, "content-type": type };
  const answer = await fetch(`${cluster.server}${path}`, {
    method: "PATCH",
    headers,
    body: JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" }, ...body }),
  });
  return { code: answer.status, body: await answer.json() };
}

const apply = "application/apply-patch+yaml";
const merge = "application/merge-patch+json";

test.each([
  [
    "a manager of more than 128 bytes",
    `fieldManager=${"m".repeat(129)}`,
    apply,
    "fieldManager",
    "FieldValueTooLong",
  ],
  ["a manager that cannot be printed", "fieldManager=a%07b", apply, "fieldManager", "FieldValueInvalid"],
  [
    "a word for fields",
    "fieldManager=a&fieldValidation=strict",
    apply,
    "fieldValidation",
    "FieldValueNotSupported",
  ],
  ["force where nothing is applied", "force=true", merge, "force", "FieldValueForbidden"],
  ["a dry run of some", "fieldManager=a&dryRun=Some", apply, "dryRun", "FieldValueNotSupported"],
])("%s is refused", async (_, query, type, field, reason) => {
  const { code, body } = await patch(query, type, { data: {} });
  expect(code).toBe(422);
  expect(body).toMatchObject({
    reason: "Invalid",
    details: { group: "meta.k8s.io", kind: "PatchOptions", causes: [{ reason, field }] },
  });
});

test("128 bytes are taken, and force of an apply", async () => {
  expect(await patch(`fieldManager=${"m".repeat(128)}&force=true`, apply, { data: {} })).toMatchObject({
    code: 201,
  });
});
