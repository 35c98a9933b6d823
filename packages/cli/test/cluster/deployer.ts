/** Somebody who deploys with an account of the cluster's own: at first without any right. */
import type { Cluster } from "@agentflow/cluster/kubernetes";
import type { JsonObject } from "@agentflow/protocol";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import type { Story } from "./story.ts";
import { type Teller, teller } from "./told.ts";

export interface Deployer extends Teller {
  /** Its token is in a file until then. */
  remove(): void;
}

const name = "deployer";

/** Makes the namespace and the account; the token is one that the cluster gives for an hour. */
export async function deployerIn(story: Story, namespace: string): Promise<Deployer> {
  const { cluster, environment } = story.live;
  await cluster.ask("making a namespace", ({ core }) =>
    core.createNamespace({ body: { metadata: { name: namespace } } }),
  );
  await cluster.ask("making an account", ({ core }) =>
    core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } }),
  );
  const { status } = await cluster.ask("asking for its token", ({ core }) =>
    core.createNamespacedServiceAccountToken({
      namespace,
      name,
      body: { spec: { audiences: [], expirationSeconds: 3_600 } },
    }),
  );
  const folder = mkdtempSync(path.join(tmpdir(), "agentflow-deployer-"));
  const file = path.join(folder, "kubeconfig");
  writeFileSync(file, kubeconfigOf(cluster, status?.token ?? ""), { mode: 0o600 });
  return {
    ...teller({ cwd: story.project.dir, environment: { ...environment, KUBECONFIG: file } }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The same server, with the same trust, by another person. */
function kubeconfigOf({ config }: Cluster, token: string): string {
  const there = config.getCurrentCluster();
  const { caData, caFile, skipTLSVerify } = there ?? {};
  const trust = {
    ...(caData === undefined ? {} : { "certificate-authority-data": caData }),
    ...(caData !== undefined || caFile === undefined ? {} : { "certificate-authority": caFile }),
    ...(skipTLSVerify === true ? { "insecure-skip-tls-verify": true } : {}),
    ...(there?.tlsServerName === undefined ? {} : { "tls-server-name": there.tlsServerName }),
  };
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: there?.server, ...trust } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}

/** All that a deploy asks for, in this namespace and nowhere else. */
export async function grantAll(cluster: Cluster, namespace: string): Promise<void> {
  const verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];
  const groups: Readonly<Record<string, readonly string[]>> = {
    "": [
      "serviceaccounts",
      "services",
      "configmaps",
      "secrets",
      "pods",
      "pods/log",
      "events",
      "resourcequotas",
    ],
    apps: ["deployments", "statefulsets", "replicasets"],
    batch: ["jobs"],
    "networking.k8s.io": ["networkpolicies", "ingresses"],
    policy: ["poddisruptionbudgets"],
    "rbac.authorization.k8s.io": ["roles", "rolebindings"],
    "coordination.k8s.io": ["leases"],
  };
  const rules = Object.entries(groups).map(([group, resources]) => ({
    apiGroups: [group],
    resources: [...resources],
    verbs,
  }));
  const group = "rbac.authorization.k8s.io";
  const apiVersion = `${group}/v1`;
  const make = async (plural: string, body: JsonObject): Promise<void> => {
    const path = `/apis/${apiVersion}/namespaces/${namespace}/${plural}`;
    await cluster.send(`making ${plural}`, { method: "POST", path, body });
  };
  await make("roles", { apiVersion, kind: "Role", metadata: { name }, rules });
  await make("rolebindings", {
    apiVersion,
    kind: "RoleBinding",
    metadata: { name },
    roleRef: { apiGroup: group, kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  });
}
