/** What is in a cluster before anybody comes: namespaces, and the roles that everybody has. */
import type { JsonObject } from "../object.ts";
import type { Store } from "../store.ts";

const group = "rbac.authorization.k8s.io";
const apiVersion = `${group}/v1`;

export function bootstrap(store: Store): void {
  for (const name of ["default", "kube-node-lease", "kube-public", "kube-system"]) {
    store.put({ resource: "namespaces", namespace: "", name }, namespace(name));
  }
  for (const [name, rules] of Object.entries(roles)) {
    const labels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
    const role = { apiVersion, kind: "ClusterRole", metadata: { name, labels }, rules };
    store.put({ resource: `clusterroles.${group}`, namespace: "", name }, role);
  }
  for (const [name, groups] of Object.entries(bindings)) {
    const subjects = groups.map((one) => ({ kind: "Group", apiGroup: group, name: one }));
    const roleRef = { apiGroup: group, kind: "ClusterRole", name };
    const binding = { apiVersion, kind: "ClusterRoleBinding", metadata: { name }, subjects, roleRef };
    store.put({ resource: `clusterrolebindings.${group}`, namespace: "", name }, binding);
  }
}

function namespace(name: string): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  };
}

const health = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
const openid = [
  "/.well-known/openid-configuration",
  "/.well-known/openid-configuration/",
  "/openid/v1/jwks",
  "/openid/v1/jwks/",
];
const discovery = [
  "/api",
  "/api/*",
  "/apis",
  "/apis/*",
  "/healthz",
  "/livez",
  "/openapi",
  "/openapi/*",
  "/readyz",
];

const roles: Readonly<Record<string, readonly JsonObject[]>> = {
  "cluster-admin": [
    { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
    { nonResourceURLs: ["*"], verbs: ["*"] },
  ],
  "system:basic-user": [
    {
      apiGroups: ["authorization.k8s.io"],
      resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
      verbs: ["create"],
    },
    { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
  ],
  "system:discovery": [{ nonResourceURLs: [...discovery, "/version", "/version/"], verbs: ["get"] }],
  "system:public-info-viewer": [{ nonResourceURLs: health, verbs: ["get"] }],
  "system:service-account-issuer-discovery": [
    { nonResourceURLs: ["/.well-known", "/.well-known/*"], verbs: ["get"] },
    { nonResourceURLs: openid, verbs: ["get"] },
  ],
};

const bindings: Readonly<Record<string, readonly string[]>> = {
  "cluster-admin": ["system:masters"],
  "system:basic-user": ["system:authenticated"],
  "system:discovery": ["system:authenticated"],
  "system:public-info-viewer": ["system:authenticated", "system:unauthenticated"],
  "system:service-account-issuer-discovery": ["system:serviceaccounts"],
};
