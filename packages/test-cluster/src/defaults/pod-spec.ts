/** What the server fills in for pods and templates of pods. */
import { draftAt, draftsAt, isDraft, within, type Draft, type DraftValue } from "../draft.ts";

/** Sets a field that is not there. */
export function fill(draft: Draft, key: string, value: DraftValue): void {
  if (draft[key] === undefined || draft[key] === null) draft[key] = value;
}

export function fillPodSpec(spec: Draft): void {
  fill(spec, "restartPolicy", "Always");
  fill(spec, "terminationGracePeriodSeconds", 30);
  fill(spec, "dnsPolicy", "ClusterFirst");
  fill(spec, "securityContext", {});
  fill(spec, "schedulerName", "default-scheduler");
  if (typeof spec["serviceAccountName"] === "string")
    fill(spec, "serviceAccount", spec["serviceAccountName"]);
  for (const key of ["initContainers", "containers"]) draftsAt(spec, key).forEach(fillContainer);
  draftsAt(spec, "volumes").forEach(fillVolume);
}

function fillContainer(container: Draft): void {
  fill(container, "resources", {});
  fill(container, "terminationMessagePath", "/dev/termination-log");
  fill(container, "terminationMessagePolicy", "File");
  fill(container, "imagePullPolicy", pullPolicyOf(container["image"]));
  for (const port of draftsAt(container, "ports")) fill(port, "protocol", "TCP");
  for (const variable of draftsAt(container, "env")) {
    if (variable["value"] === "") delete variable["value"];
    fillFieldRef(draftAt(variable, "valueFrom"));
  }
  for (const key of ["livenessProbe", "readinessProbe", "startupProbe"]) fillProbe(draftAt(container, key));
  const lifecycle = draftAt(container, "lifecycle");
  fillHttp(draftAt(draftAt(lifecycle, "postStart"), "httpGet"));
  fillHttp(draftAt(draftAt(lifecycle, "preStop"), "httpGet"));
}

/** An image without a tag, or with `latest`, is pulled each time. */
function pullPolicyOf(image: DraftValue | undefined): string {
  const name = typeof image === "string" ? image : "";
  const last = name.slice(name.lastIndexOf("/") + 1);
  if (last.includes("@")) return "IfNotPresent";
  const tag = last.split(":")[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

function fillProbe(probe: Draft | undefined): void {
  if (probe === undefined) return;
  fill(probe, "timeoutSeconds", 1);
  fill(probe, "periodSeconds", 10);
  fill(probe, "successThreshold", 1);
  fill(probe, "failureThreshold", 3);
  fillHttp(draftAt(probe, "httpGet"));
  const grpc = draftAt(probe, "grpc");
  if (grpc !== undefined) fill(grpc, "service", "");
}

function fillHttp(get: Draft | undefined): void {
  if (get === undefined) return;
  fill(get, "path", "/");
  fill(get, "scheme", "HTTP");
}

function fillFieldRef(from: Draft | undefined): void {
  const ref = draftAt(from, "fieldRef");
  if (ref !== undefined) fill(ref, "apiVersion", "v1");
}

const ownMode = ["configMap", "secret", "projected", "downwardAPI"];

function fillVolume(volume: Draft): void {
  if (Object.values(volume).every((value) => !isDraft(value))) volume["emptyDir"] = {};
  for (const key of ownMode) {
    const source = draftAt(volume, key);
    if (source !== undefined) fill(source, "defaultMode", 420);
  }
  const path = draftAt(volume, "hostPath");
  if (path !== undefined) fill(path, "type", "");
  for (const item of draftsAt(draftAt(volume, "downwardAPI"), "items")) fillFieldRef(item);
  for (const source of draftsAt(draftAt(volume, "projected"), "sources")) {
    const token = draftAt(source, "serviceAccountToken");
    if (token !== undefined) fill(token, "expirationSeconds", 3600);
    for (const item of draftsAt(draftAt(source, "downwardAPI"), "items")) fillFieldRef(item);
  }
}

/** A pod of its own: what is limited is requested too, unless it says otherwise. */
export function fillPod(pod: Draft): void {
  const spec = within(pod, "spec");
  fill(spec, "enableServiceLinks", true);
  fillPodSpec(spec);
  for (const key of ["initContainers", "containers"]) {
    for (const container of draftsAt(spec, key)) {
      const resources = within(container, "resources");
      const limits = draftAt(resources, "limits");
      if (limits === undefined) continue;
      const requests = within(resources, "requests");
      for (const [name, limit] of Object.entries(limits)) fill(requests, name, limit);
    }
  }
}

/** `template` of a workload. */
export function fillTemplate(spec: Draft): void {
  const template = within(spec, "template");
  within(template, "metadata");
  fillPodSpec(within(template, "spec"));
}
