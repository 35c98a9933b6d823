/** What stands between a valid object and the store: ending namespaces, quotas, limits, PodSecurity. */
import { admittedPod } from "../change.ts";
import { refuseEscalation } from "../auth/escalation.ts";
import { at, textAt, textsAt } from "../json.ts";
import type { JsonObject, KubeObject } from "../object.ts";
import type { Store } from "../store.ts";
import type { Write } from "./change.ts";
import { limited } from "./limit-range.ts";
import { checkPodSecurity } from "./pod-security.ts";
import { warnOfPod } from "./pod-warnings.ts";
import { checkQuota } from "./quota.ts";
import { forbidden, invalid, notFound } from "./status.ts";
import { nameSuffix } from "./suffix.ts";

export class Admission {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Only of creation: what is there may be changed while its namespace goes. */
  namespaceIsOpen(write: Write, name: string): void {
    if (!write.resource.namespaced) return;
    const { namespace, resource } = write;
    const found = this.#store.get({ resource: "namespaces", namespace: "", name: namespace });
    if (found === undefined)
      throw notFound({ group: "", plural: "namespaces", kind: "Namespace" }, namespace);
    if (textAt(found, "status", "phase") !== "Terminating") return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const message = `namespace ${namespace} is being terminated`;
    throw forbidden(resource, name, why, [
      { reason: "NamespaceTerminating", message, field: "metadata.namespace" },
    ]);
  }

  /** Answers with the object as it may be kept, or throws. */
  admit(write: Write, object: JsonObject, before: KubeObject | undefined): JsonObject {
    if (before !== undefined) refuseNewFinalizers(write, object, before);
    if (write.sub !== "") return object;
    refuseEscalation(this.#store, write, object);
    const isNewPod = write.resource.id === "pods" && before === undefined;
    const furnished = isNewPod ? this.#furnishPod(write, object) : object;
    warnOfPod(write, furnished);
    checkPodSecurity(this.#store, write, furnished);
    if (before === undefined) checkQuota(this.#store, write, furnished);
    return furnished;
  }

  #furnishPod(write: Write, pod: JsonObject): JsonObject {
    const { namespace } = write;
    const name = textAt(pod, "metadata", "name") ?? "";
    const named = textAt(pod, "spec", "serviceAccountName") ?? "";
    const account = named === "" ? "default" : named;
    const found = this.#store.get({ resource: "serviceaccounts", namespace, name: account });
    if (found === undefined) {
      const lost = `serviceaccount "${account}" not found`;
      const why = `error looking up service account ${namespace}/${account}: ${lost}`;
      throw forbidden(write.resource, name, why);
    }
    this.#checkRuntimeClass(write, pod, name);
    return admittedPod(limited(this.#store, write, pod), found, nameSuffix());
  }

  #checkRuntimeClass(write: Write, pod: JsonObject, name: string): void {
    const wanted = textAt(pod, "spec", "runtimeClassName");
    if (wanted === undefined) return;
    const key = { resource: "runtimeclasses.node.k8s.io", namespace: "", name: wanted };
    if (this.#store.get(key) !== undefined) return;
    throw forbidden(write.resource, name, `pod rejected: RuntimeClass "${wanted}" not found`);
  }
}

function refuseNewFinalizers(write: Write, object: JsonObject, before: KubeObject): void {
  if (at(before, "metadata", "deletionTimestamp") === undefined) return;
  const known = textsAt(before, "metadata", "finalizers");
  const added = textsAt(object, "metadata", "finalizers").filter((one) => !known.includes(one));
  if (added.length === 0) return;
  const list = `[]string{${added.map((one) => JSON.stringify(one)).join(", ")}}`;
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
  const cause = { reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field: "metadata.finalizers" };
  // Twice, as the real server says it.
  throw invalid(write.resource, write.name, [cause, cause]);
}
