/** Who pods are to the cluster: nobody, but for the job that writes our Secrets. */
import type { Part } from "../../model/installation.ts";
import type { KubernetesObject } from "../object.ts";
import { releaseNames } from "../release.ts";
import { made, type Making, partOf } from "./making.ts";

export const serviceAccounts = {
  /** Without a right and without a token. */
  plain: (release: string): string => release,
  keys: (release: string): string => `${release}-keys`,
  /** Of worker pods whose broker makes sandboxes; only that container sees its token. */
  sandbox: (release: string): string => `${release}-sandbox`,
} as const;

/** Parts for which `af bus prepare` writes a Secret. */
const written = ["nats", "control-plane", "worker", "register"] as const;

export function accessObjects(making: Making): KubernetesObject[] {
  const { release, namespace } = making;
  const part = partOf(making, "keys");
  const keys = serviceAccounts.keys(release);
  const account = (name: string, of: typeof part): KubernetesObject =>
    made(
      making,
      { apiVersion: "v1", kind: "ServiceAccount", name, part: of },
      {
        automountServiceAccountToken: false,
      },
    );
  const sandbox = partOf(making, "sandbox");
  const rbac = { apiVersion: "rbac.authorization.k8s.io/v1", name: keys, part };
  return [
    account(serviceAccounts.plain(release), undefined),
    account(keys, part),
    made(
      making,
      { ...rbac, kind: "Role" },
      {
        rules: [
          // By whoever may create, no name can be told before there is one.
          { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
          {
            apiGroups: [""],
            resources: ["secrets"],
            resourceNames: written.map((of) => releaseNames.keys(release, of)),
            verbs: ["get", "update", "patch"],
          },
        ],
      },
    ),
    made(
      making,
      { ...rbac, kind: "RoleBinding" },
      {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: keys },
        subjects: [{ kind: "ServiceAccount", name: keys, namespace }],
      },
    ),
    ...(sandbox === undefined ? [] : sandboxAccess(making, sandbox)),
  ];
}

/** Pods of its own making are told from others by their label alone, which rights cannot name. */
function sandboxAccess(making: Making, part: Part): KubernetesObject[] {
  const { release, namespace } = making;
  const name = serviceAccounts.sandbox(release);
  const rbac = { apiVersion: "rbac.authorization.k8s.io/v1", name, part };
  const rule = (resource: string, ...verbs: string[]) => ({ apiGroups: [""], resources: [resource], verbs });
  const account = { apiVersion: "v1", kind: "ServiceAccount", name, part };
  const rules = [
    rule("pods", "create", "get", "list", "delete"),
    rule("pods/exec", "create", "get"),
    rule("events", "list"),
  ];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
  return [
    made(making, account, { automountServiceAccountToken: false }),
    made(making, { ...rbac, kind: "Role" }, { rules }),
    made(
      making,
      { ...rbac, kind: "RoleBinding" },
      { roleRef, subjects: [{ kind: "ServiceAccount", name, namespace }] },
    ),
  ];
}
