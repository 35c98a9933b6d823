/** What else `kubectl get` shows of some kinds, much of it with `-o wide` only. */
import { at, isObject, listAt, numberAt, objectAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";

type Of = (object: JsonObject) => string;

/** Of what makes pods: which containers, of which images. */
export const containerNames: Of = (one) => ofContainers(one, "name");
export const containerImages: Of = (one) => ofContainers(one, "image");

function ofContainers(one: JsonObject, field: string): string {
  const found = listAt(one, "spec", "template", "spec", "containers");
  return found.map((container) => textAt(container, field) ?? "").join(",");
}

export const podSelector: Of = (one) => selectorText(at(one, "spec", "selector"));
export const policySelector: Of = (one) => selectorText(at(one, "spec", "podSelector"));

/** Of a Service the selector is the labels themselves. */
export const serviceSelector: Of = (one) => pairs(objectAt(one, "spec", "selector"));

function selectorText(selector: Json | undefined): string {
  return isObject(selector) ? pairs(objectAt(selector, "matchLabels")) : "<none>";
}

function pairs(labels: JsonObject): string {
  const all = Object.keys(labels).map((key) => `${key}=${textAt(labels, key) ?? ""}`);
  return all.length === 0 ? "<none>" : all.sort().join(",");
}

export const jobDuration: Of = (job) => {
  const from = textAt(job, "status", "startTime");
  if (from === undefined) return "";
  const until = textAt(job, "status", "completionTime");
  const ms = (until === undefined ? Date.now() : Date.parse(until)) - Date.parse(from);
  return `${Math.max(0, Math.floor(ms / 1_000))}s`;
};

/** `cpu: 12%/70%`; `<unknown>` where nobody measures. */
export const autoscalerTargets: Of = (one) => {
  const current = listAt(one, "status", "currentMetrics");
  const told = listAt(one, "spec", "metrics").map((metric, index) => {
    const { name, aim } = aimOf(metric);
    const is = numberAt(current[index], "resource", "current", "averageUtilization");
    return `${name}: ${is === undefined ? "<unknown>" : `${is}%`}/${aim}`;
  });
  return told.length === 0 ? "<none>" : told.join(", ");
};

function aimOf(metric: Json): { readonly name: string; readonly aim: string } {
  const target = at(metric, "resource", "target");
  const share = numberAt(target, "averageUtilization");
  const name = textAt(metric, "resource", "name") ?? "<unknown>";
  return { name, aim: share === undefined ? (textAt(target, "averageValue") ?? "<auto>") : `${share}%` };
}

export const ingressHosts: Of = (one) => {
  const hosts = listAt(one, "spec", "rules").flatMap((rule) => textAt(rule, "host") ?? []);
  return hosts.length === 0 ? "*" : hosts.join(",");
};

export const ingressPorts: Of = (one) => (listAt(one, "spec", "tls").length > 0 ? "80, 443" : "80");

export const bindingRole: Of = (one) =>
  `${textAt(one, "roleRef", "kind") ?? ""}/${textAt(one, "roleRef", "name") ?? ""}`;
