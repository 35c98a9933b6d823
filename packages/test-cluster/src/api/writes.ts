/** Creating, replacing, patching: what comes of a request, whether it may be, and the keeping of it. */
import { randomUUID } from "node:crypto";
import {
  type Answer,
  applyObject,
  type Ask,
  createObject,
  type Gifts,
  patchObject,
  type PatchType,
  updateObject,
} from "../change.ts";
import { mayDo } from "../auth/rbac.ts";
import { at, sameJson, textAt, withMetadata } from "../json.ts";
import type { JsonObject, KubeObject } from "../object.ts";
import type { ObjectKey, Store } from "../store.ts";
import type { Admission } from "./admission.ts";
import type { Addresses } from "./addresses.ts";
import type { Write, Written } from "./change.ts";
import { mayGo } from "./deletes.ts";
import type { Resource } from "./resources.ts";
import { alreadyExists, forbidden, StatusError } from "./status.ts";
import { nameSuffix } from "./suffix.ts";

export type PatchKind = "apply" | PatchType;

/** Synchronous throughout: what it reads is what it writes upon. */
export class Writes {
  readonly #store: Store;
  readonly #admission: Admission;
  readonly #addresses: Addresses;

  constructor(store: Store, admission: Admission, addresses: Addresses) {
    this.#store = store;
    this.#admission = admission;
    this.#addresses = addresses;
  }

  create(write: Write, body: JsonObject): Written {
    this.#admission.namespaceIsOpen(write, textAt(body, "metadata", "name") ?? "");
    return this.#settle(write, createObject(askOf(write), body, this.#gifts()), undefined);
  }

  update(write: Write, body: JsonObject): Written {
    const before = this.#store.get(keyOf(write, write.name));
    if (before === undefined) this.#admission.namespaceIsOpen(write, write.name);
    return this.#settle(write, updateObject(askOf(write), body, before, this.#gifts()), before);
  }

  patch(write: Write, kind: PatchKind, text: string): Written {
    const before = this.#store.get(keyOf(write, write.name));
    if (kind !== "apply") {
      const answer = patchObject(askOf(write), { type: kind, text }, before, this.#gifts());
      return this.#settle(write, answer, before);
    }
    if (before === undefined && write.sub === "") {
      this.#mayCreate(write);
      this.#admission.namespaceIsOpen(write, write.name);
    }
    return this.#settle(write, applyObject(askOf(write), text, before, this.#gifts()), before);
  }

  /** An apply that makes the object is a creation too. */
  #mayCreate(write: Write): void {
    const { resource, user, namespace, name } = write;
    const asked = { verb: "create", group: resource.group, resource: resource.plural, subresource: "" };
    if (mayDo(this.#store, user, { ...asked, namespace, name })) return;
    const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
    const what = `resource "${resource.plural}" in API group "${resource.group}"`;
    throw forbidden(resource, name, `User "${user.name}" cannot create ${what} ${where}`);
  }

  #settle(write: Write, answer: Answer, before: KubeObject | undefined): Written {
    if (!answer.ok) throw StatusError.of(answer.status);
    for (const warning of answer.warnings) write.warn(warning);
    const created = answer.code === 201;
    const key = keyOf(write, answer.object.metadata.name);
    if (created) {
      const there = this.#store.get(key);
      if (there !== undefined) throw exists(write.resource, there);
    }
    const admitted = this.#admission.admit(write, answer.object, before);
    if (!answer.changed && sameJson(admitted, answer.object))
      return { created, object: before ?? answer.object };
    if (write.dryRun) return { created, object: admitted };
    if (before !== undefined && mayGo(admitted, before)) {
      this.#store.remove(key);
      return { created: false, object: admitted };
    }
    return { created, object: this.#store.put(key, withMetadata(admitted, { resourceVersion: undefined })) };
  }

  #gifts(): Gifts {
    const classes = this.#store.list("storageclasses.storage.k8s.io");
    const byDefault = "storageclass.kubernetes.io/is-default-class";
    const storage = classes.find((one) => textAt(one, "metadata", "annotations", byDefault) === "true");
    return {
      now: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      uid: () => randomUUID(),
      suffix: nameSuffix,
      clusterIp: () => this.#addresses.clusterIp(),
      nodePort: () => this.#addresses.nodePort(),
      ...(storage === undefined ? {} : { storageClass: storage.metadata.name }),
    };
  }
}

export function keyOf(write: { resource: Resource; namespace: string }, name: string): ObjectKey {
  const namespace = write.resource.namespaced ? write.namespace : "";
  return { resource: write.resource.id, namespace, name };
}

function askOf(write: Write): Ask {
  const { group, version, kind, plural, namespaced, custom } = write.resource;
  const { fieldValidation: wanted } = write;
  return {
    kind: { group, version, kind, resource: plural, namespaced, custom: custom === true },
    namespace: namespaced ? write.namespace : "",
    name: write.name,
    ...(write.sub === "status" || write.sub === "scale" ? { subresource: write.sub } : {}),
    manager: write.manager,
    fieldValidation: wanted === "Strict" || wanted === "Ignore" ? wanted : "Warn",
    force: write.force,
  };
}

function exists(resource: Resource, before: KubeObject): StatusError {
  const { name } = before.metadata;
  if (at(before, "metadata", "deletionTimestamp") === undefined) return alreadyExists(resource, name);
  const subject = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
  return alreadyExists(resource, name, `object is being deleted: ${subject} "${name}" already exists`);
}
