/** Who has rights in one namespace and nowhere else, and may bind no Role but one whose rights are theirs. */
import { startTestCluster } from "@agentflow/test-cluster";
import { expect, test } from "vitest";
import { planDeploy } from "../../src/kubernetes/deploy/deploy-plan.ts";
import { labelsOf } from "../../src/kubernetes/deploy/reading.ts";
import { deployingTo, name, standin } from "./standin.ts";

const group = "rbac.authorization.k8s.io";

test("a Role and what binds it are planned together: one that is not there yet cannot be tried", async () => {
  const cluster = await startTestCluster({ pods: "unrun" });
  try {
    const namespace = "own";
    cluster.writer.create("namespaces", "", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespace },
    });
    const all = { apiGroups: ["", "apps", "batch", "coordination.k8s.io", group], resources: ["*"] };
    const verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];
    const roleRef = { apiGroup: group, kind: "Role", name: "deployer" };
    cluster.writer.create(`roles.${group}`, namespace, {
      apiVersion: `${group}/v1`,
      kind: "Role",
      metadata: { name: "deployer" },
      rules: [{ ...all, verbs }],
    });
    cluster.writer.create(`rolebindings.${group}`, namespace, {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata: { name: "deployer" },
      roleRef,
      subjects: [{ kind: "User", name: "eve", apiGroup: group }],
    });
    const release = standin({ namespace });
    const labels = labelsOf(release.objects[0]);
    const metadata = { name: `${name}-keys`, namespace, labels };
    const role = { apiVersion: `${group}/v1`, kind: "Role", metadata, rules: [{ ...ofKeys }] };
    const binding = {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: group, kind: "Role", name: metadata.name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    };
    const deploying = await deployingTo(cluster.userKubeconfig("eve"), {
      ...release,
      objects: [...release.objects, role, binding],
    });
    const { changes } = await planDeploy(deploying).finally(() => deploying.close());
    expect(changes.map(({ change, object }) => [change, object["kind"]])).toEqual(
      [...release.objects, role, binding].map(({ kind }) => ["create", kind]),
    );
  } finally {
    await cluster.stop();
  }
});

const ofKeys = { apiGroups: [""], resources: ["secrets"], verbs: ["create"] };
