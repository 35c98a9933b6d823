/** What admission adds to a new pod: its account and the token of it, tolerations, a priority. */
import { copyOf, draftOf, draftsAt, listAt, textAt, within, type Draft } from "../draft.ts";
import type { JsonObject } from "../object.ts";
import { fill } from "./pod-spec.ts";

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** A token is renewed well before it ends. */
const tokenSeconds = 3607;
const evictedAfterSeconds = 300;

/** `account` is the ServiceAccount that the pod names, or `default`. */
export function admittedPod(pod: JsonObject, account: JsonObject | undefined, suffix: string): Draft {
  const made = draftOf(pod);
  const spec = within(made, "spec");
  if (textAt(spec, "serviceAccountName") === "") spec["serviceAccountName"] = "default";
  spec["serviceAccount"] = spec["serviceAccountName"] ?? "default";
  const automount = spec["automountServiceAccountToken"] ?? account?.["automountServiceAccountToken"];
  if (automount !== false) mountToken(spec, `kube-api-access-${suffix}`);
  if (listAt(spec, "imagePullSecrets").length === 0 && listAt(account, "imagePullSecrets").length > 0) {
    spec["imagePullSecrets"] = listAt(account, "imagePullSecrets").map(copyOf);
  }
  tolerate(spec);
  fill(spec, "priority", 0);
  fill(spec, "preemptionPolicy", "PreemptLowerPriority");
  return made;
}

function mountToken(spec: Draft, name: string): void {
  const containers = ["containers", "initContainers"].flatMap((list) => draftsAt(spec, list));
  const bare = containers.filter(
    (one) => !listAt(one, "volumeMounts").some((mount) => textAt(mount, "mountPath") === tokenPath),
  );
  if (bare.length === 0) return;
  for (const container of bare) {
    const mount = { name, readOnly: true, mountPath: tokenPath };
    container["volumeMounts"] = [...draftsAt(container, "volumeMounts"), mount];
  }
  const namespace = { path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } };
  const sources = [
    { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { downwardAPI: { items: [namespace] } },
  ];
  spec["volumes"] = [...draftsAt(spec, "volumes"), { name, projected: { sources, defaultMode: 420 } }];
}

function tolerate(spec: Draft): void {
  const known = draftsAt(spec, "tolerations");
  const added: Draft[] = [];
  for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) {
    const borne = known.some(
      (one) => (one["key"] ?? key) === key && (one["effect"] ?? "NoExecute") === "NoExecute",
    );
    if (borne) continue;
    added.push({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: evictedAfterSeconds });
  }
  if (added.length > 0) spec["tolerations"] = [...known, ...added];
}
