/** Pod Security Standards, `baseline` and `restricted`, by the labels of the namespace. */
import { at, isObject, listAt, numberAt, textAt, textsAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import type { Store } from "../store.ts";
import type { Write } from "./change.ts";
import { forbidden } from "./status.ts";

const prefix = "pod-security.kubernetes.io";

/** Where the template of a pod stands, in kinds whose pods come later: they are warned of, not refused. */
export const podTemplates: Readonly<Record<string, readonly string[]>> = {
  "deployments.apps": ["spec", "template"],
  "replicasets.apps": ["spec", "template"],
  "statefulsets.apps": ["spec", "template"],
  "daemonsets.apps": ["spec", "template"],
  "jobs.batch": ["spec", "template"],
  "cronjobs.batch": ["spec", "jobTemplate", "spec", "template"],
};

export function checkPodSecurity(store: Store, write: Write, object: JsonObject): void {
  const path = write.resource.id === "pods" ? [] : podTemplates[write.resource.id];
  if (path === undefined) return;
  const namespace = store.get({ resource: "namespaces", namespace: "", name: write.namespace });
  const level = (mode: string) =>
    textAt(namespace, "metadata", "labels", `${prefix}/${mode}`) ?? "privileged";
  const version = (mode: string) =>
    textAt(namespace, "metadata", "labels", `${prefix}/${mode}-version`) ?? "latest";
  const pod = at(object, ...path) ?? {};
  if (path.length === 0) {
    const told = violations(pod, level("enforce"));
    if (told.length > 0) {
      const why = `violates PodSecurity "${level("enforce")}:${version("enforce")}": ${told.join(", ")}`;
      throw forbidden(write.resource, textAt(object, "metadata", "name") ?? "", why);
    }
  }
  const warned = violations(pod, level("warn"));
  if (warned.length === 0) return;
  write.warn(`would violate PodSecurity "${level("warn")}:${version("warn")}": ${warned.join(", ")}`);
}

function violations(pod: Json, level: string): readonly string[] {
  if (level !== "baseline" && level !== "restricted") return [];
  const checks = level === "baseline" ? baseline : [...baseline, ...restricted];
  return checks.map((check) => check(pod)).filter((one) => one !== undefined);
}

type Check = (pod: Json) => string | undefined;

const baselineCapabilities = [
  ..."AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD".split(" "),
  ..."NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split(" "),
];

const baseline: readonly Check[] = [
  (pod) => {
    const shared = ["hostNetwork", "hostPID", "hostIPC"].filter((one) => at(pod, "spec", one) === true);
    if (shared.length === 0) return undefined;
    return `host namespaces (${shared.map((one) => `${one}=true`).join(", ")})`;
  },
  (pod) => {
    const names = volumesOf(pod)
      .filter((one) => at(one, "hostPath") !== undefined)
      .map(nameOf);
    return names.length === 0 ? undefined : `hostPath volumes (${plural("volume", names)})`;
  },
  (pod) => {
    const bad = containersOf(pod).filter((one) =>
      listAt(one, "ports").some((port) => (numberAt(port, "hostPort") ?? 0) > 0),
    );
    return bad.length === 0 ? undefined : `hostPort (${plural("container", bad.map(nameOf))} uses hostPorts)`;
  },
  (pod) =>
    must(pod, "privileged", "must not set securityContext.privileged=true", (one) => {
      return at(one, "securityContext", "privileged") !== true;
    }),
  (pod) =>
    must(
      pod,
      "non-default capabilities",
      "must not include more in securityContext.capabilities.add",
      (one) =>
        textsAt(one, "securityContext", "capabilities", "add").every((name) =>
          baselineCapabilities.includes(name),
        ),
    ),
];

const volumeKinds = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

const restricted: readonly Check[] = [
  (pod) => {
    const bad = volumesOf(pod).filter(
      (one) => isObject(one) && !Object.keys(one).some((key) => volumeKinds.includes(key)),
    );
    return bad.length === 0 ? undefined : `restricted volume types (${plural("volume", bad.map(nameOf))})`;
  },
  (pod) =>
    must(
      pod,
      "allowPrivilegeEscalation != false",
      "must set securityContext.allowPrivilegeEscalation=false",
      (one) => {
        return at(one, "securityContext", "allowPrivilegeEscalation") === false;
      },
    ),
  (pod) =>
    must(pod, "unrestricted capabilities", 'must set securityContext.capabilities.drop=["ALL"]', (one) => {
      const added = textsAt(one, "securityContext", "capabilities", "add");
      const dropped = textsAt(one, "securityContext", "capabilities", "drop");
      return dropped.includes("ALL") && added.every((name) => name === "NET_BIND_SERVICE");
    }),
  (pod) =>
    mustSomewhere(pod, "runAsNonRoot != true", "must set securityContext.runAsNonRoot=true", (context) => {
      const value = at(context, "runAsNonRoot");
      return typeof value === "boolean" ? value : undefined;
    }),
  (pod) => {
    const root = containersOf(pod)
      .filter((one) => at(one, "securityContext", "runAsUser") === 0)
      .map(nameOf);
    const whole = at(pod, "spec", "securityContext", "runAsUser") === 0 ? ["pod"] : [];
    const told = [...whole, ...(root.length === 0 ? [] : [plural("container", root)])];
    return told.length === 0 ? undefined : `runAsUser=0 (${told.join(" and ")} must not set runAsUser=0)`;
  },
  (pod) =>
    mustSomewhere(
      pod,
      "seccompProfile",
      'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
      (context) => {
        const type = textAt(context, "seccompProfile", "type");
        return type === undefined ? undefined : type === "RuntimeDefault" || type === "Localhost";
      },
    ),
];

function must(
  pod: Json,
  title: string,
  what: string,
  holds: (container: Json) => boolean,
): string | undefined {
  const bad = containersOf(pod)
    .filter((one) => !holds(one))
    .map(nameOf);
  return bad.length === 0 ? undefined : `${title} (${plural("container", bad)} ${what})`;
}

/** Said by the pod for all its containers, or by each. */
function mustSomewhere(
  pod: Json,
  title: string,
  what: string,
  of: (context: Json | undefined) => boolean | undefined,
): string | undefined {
  const whole = of(at(pod, "spec", "securityContext"));
  const bad = containersOf(pod)
    .filter((one) => !(of(at(one, "securityContext")) ?? whole ?? false))
    .map(nameOf);
  return bad.length === 0 ? undefined : `${title} (pod or ${plural("container", bad)} ${what})`;
}

function containersOf(pod: Json): readonly Json[] {
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((one) => listAt(pod, "spec", one));
}

function volumesOf(pod: Json): readonly Json[] {
  return listAt(pod, "spec", "volumes");
}

function nameOf(one: Json): string {
  return textAt(one, "name") ?? "";
}

function plural(word: string, names: readonly string[]): string {
  const quoted = names.map((one) => `"${one}"`).join(", ");
  return `${word}${names.length === 1 ? "" : "s"} ${quoted}`;
}
