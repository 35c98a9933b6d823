/**
 * The objects of a release as a Helm chart: the same ones, with values where an operator has a say. It is
 * rendered with words in place of the namespace, the images and the build, which templates then replace.
 */
import type { Json, JsonObject, ScalingTarget } from "@agentflow/protocol";
import { isObject, listOf } from "../../model/overlay.ts";
import { onKubernetes } from "../../model/open-target.ts";
import { plainJson } from "../../model/parse-project.ts";
import { render } from "../../model/render.ts";
import type { Rendering } from "../../model/rendering.ts";
import { kubernetesLabels } from "../labels.ts";
import type { KubernetesObject } from "../object.ts";
import { type Capabilities, type Release, releaseNames } from "../release.ts";
import { releaseOf } from "../release-of.ts";
import { objectYaml } from "../yaml.ts";
import { chartFile, checkTemplate, helpersTemplate, ingressTemplate, notesTemplate } from "./fixed.ts";
import { readmeFile } from "./readme.ts";
import { mapJson, Slots } from "./slots.ts";
import { valuesOf, valuesSchema } from "./values.ts";

export interface ChartFile {
  /** `templates/01-serviceaccount-triage-prod.yaml`. */
  readonly path: string;
  readonly content: string;
}

export interface ChartingFrom {
  readonly rendering: Rendering;
  readonly capabilities: Capabilities;
  /** First line of each file: who wrote it. */
  readonly head: string;
}

/** Words that stand for what the chart is told; no name of a project can be one of them. */
const words = {
  namespace: "zznamespacezz",
  ingress: "zzingresszz.invalid",
  nats: "zznatszz.invalid/nats",
  controlPlane: "zzcontrolplanezz.invalid/control-plane",
  build: "fedcba987654",
  worker: "zzworkerzz.invalid/worker:fedcba987654",
  job: "zzjobzz",
} as const;

export function chartOf({ rendering, capabilities, head }: ChartingFrom): readonly ChartFile[] {
  const actual = releaseOf(render(rendering), { target: rendering.target, capabilities });
  const worded = wordedRelease(rendering, capabilities);
  const values = valuesOf(rendering, actual);
  const scaled = new Set(Object.keys(onKubernetes(rendering.target).scaling));
  const isOpen = capabilities.keda && scaled.size > 0;
  const file = (path: string, content: string): ChartFile => ({ path, content: `# ${head}\n${content}` });
  const templates = worded.objects
    .filter(({ kind }) => kind !== "Ingress")
    .map((object, n) =>
      file(pathOf(object, n, actual), templateOf(object, { release: actual.name, isOpen, scaled })),
    );
  return [
    file("Chart.yaml", chartFile(actual)),
    { path: "README.md", content: readmeFile(actual, head) },
    file("values.yaml", values.text),
    { path: "values.schema.json", content: `${JSON.stringify(valuesSchema(values.values), undefined, 2)}\n` },
    { path: "templates/_helpers.tpl", content: helpersTemplate },
    { path: "templates/NOTES.txt", content: notesTemplate(actual) },
    file("templates/00-check.yaml", checkTemplate(actual)),
    ...templates,
    file("templates/ingress.yaml", ingressTemplate(actual)),
  ];
}

function wordedRelease(rendering: Rendering, capabilities: Capabilities): Release {
  const { target } = rendering;
  const own = onKubernetes(target);
  // As if all had copies: what there is for two or more is there under a condition.
  const several = (copies: number): number => (copies === 0 ? 0 : Math.max(2, copies));
  const scaling = Object.entries(own.scaling).map(([pool, { min, max }]): [string, ScalingTarget] => [
    pool,
    { min: Math.max(2, min), max },
  ]);
  const workers = Object.entries(own.workers).map(([pool, copies]) => {
    return [pool, Object.hasOwn(own.scaling, pool) ? copies : several(copies)] as const;
  });
  const settings = {
    ...own,
    controlPlanes: several(own.controlPlanes),
    workers: Object.fromEntries(workers),
    scaling: Object.fromEntries(scaling),
    namespace: words.namespace,
    // As if there were one: its host goes into what the API answers to, where a condition is put around it.
    ingress: { host: words.ingress },
    pullSecrets: [],
    nodeSelector: {},
  };
  const worded = { ...target, settings };
  const images = { nats: words.nats, controlPlane: words.controlPlane, worker: words.worker };
  return releaseOf(render({ ...rendering, target: worded, images }), { target: worded, capabilities });
}

function pathOf({ kind, metadata }: KubernetesObject, n: number, { name }: Release): string {
  const build = `-${words.build}`;
  const own = metadata.name
    .replace(build, "")
    .replace(/-[0-9a-f]{10}$/, "")
    .replace(`${name}-`, "");
  return `templates/${String(n + 1).padStart(2, "0")}-${kind.toLowerCase()}-${own}.yaml`;
}

interface Templating {
  readonly release: string;
  /** The API is asked from other namespaces also where there is no ingress. */
  readonly isOpen: boolean;
  /** Pools whose number of workers is between two numbers. */
  readonly scaled: ReadonlySet<string>;
}

function templateOf(object: KubernetesObject, of: Templating): string {
  const slots = new Slots();
  const edited = mapJson(plainJson(object), (value, path) => edit(value, path, { ...of, object, slots }));
  // What a project says is no template, even where it looks like one.
  const text = objectYaml(isObject(edited) ? edited : {}).replaceAll("{{", '{{ "{{" }}');
  return underCondition(withValues(slots.filled(text)), object, of);
}

/** A budget of one copy would only keep its node from being emptied. */
function underCondition(text: string, object: KubernetesObject, { scaled }: Templating): string {
  const section = sectionOf(object);
  if (object.kind !== "PodDisruptionBudget" || section === undefined || section === ".Values.nats")
    return text;
  const copies = scaled.has(poolOf(object) ?? "") ? "scaling.min" : "replicas";
  return `{{- if gt (int ${section}.${copies}) 1 }}\n${text}{{- end }}\n`;
}

function withValues(text: string): string {
  const lines = text.split("\n").map((line) => {
    const [, lead, word = ""] = /^(\s*(?:- )*(?:[^\s:]+: )?)(\S+)$/.exec(line) ?? [];
    const whole = wholes[word];
    if (lead !== undefined && whole !== undefined) return `${lead}{{ ${whole} | quote }}`;
    return line
      .replaceAll(`,${words.ingress}`, "{{ if .Values.ingress.enabled }},{{ .Values.ingress.host }}{{ end }}")
      .replaceAll(words.namespace, "{{ .Release.Namespace }}")
      .replaceAll(words.build, "{{ .Values.build }}")
      .replaceAll(words.job, '{{ include "agentflow.values" . }}');
  });
  return lines.join("\n");
}

/** Words that are a value by themselves. */
const wholes: Readonly<Record<string, string>> = {
  [words.namespace]: ".Release.Namespace",
  [words.build]: ".Values.build",
  [words.nats]: ".Values.images.nats",
  [words.controlPlane]: ".Values.images.controlPlane",
  [words.worker]: ".Values.images.worker",
};

interface Editing extends Templating {
  readonly object: KubernetesObject;
  readonly slots: Slots;
}

function edit(value: Json, path: readonly string[], editing: Editing): Json {
  const { object, slots } = editing;
  const at = path.join(".");
  if (at === "metadata" && isObject(value)) return metadataOf(value, editing);
  if (at === "spec" && isObject(value)) return specOf(value, editing);
  if (at === "spec.ingress.0" && isObject(value) && !("from" in value)) {
    const peer = editing.isOpen ? "namespaceSelector" : "podSelector";
    const callers = `ternary list (list (dict ${JSON.stringify(peer)} dict)) .Values.ingress.enabled`;
    return { ...value, from: slots.optional(callers) };
  }
  if (at === "spec.template.spec" && isObject(value)) {
    return {
      ...value,
      imagePullSecrets: slots.optional(".Values.imagePullSecrets"),
      nodeSelector: slots.optional(".Values.nodeSelector"),
    };
  }
  const container = /^spec\.template\.spec\.containers\.0\.(.+)$/.exec(at)?.[1];
  const section = sectionOf(object);
  if (container === "resources" && section !== undefined) return slots.block(`${section}.resources`);
  if (at.endsWith(".secret.secretName") && value === releaseNames.secrets(editing.release)) {
    return slots.value(".Values.secrets.name | quote");
  }
  return value;
}

/** Where a part's own values stand; the two jobs have none. */
function sectionOf(object: KubernetesObject): string | undefined {
  const { metadata } = object;
  const labels = isObject(metadata["labels"]) ? metadata["labels"] : {};
  const part = labels[kubernetesLabels.part];
  if (part === "nats") return ".Values.nats";
  if (part === "control-plane") return ".Values.controlPlane";
  const pool = poolOf(object);
  return pool === undefined ? undefined : `(index .Values.workers ${JSON.stringify(pool)})`;
}

function poolOf({ metadata }: KubernetesObject): string | undefined {
  const pool = isObject(metadata["labels"]) ? metadata["labels"][kubernetesLabels.pool] : undefined;
  return typeof pool === "string" ? pool : undefined;
}

function metadataOf(value: JsonObject, { object, slots }: Editing): JsonObject {
  const labels = isObject(value["labels"]) ? value["labels"] : {};
  const name = typeof value["name"] === "string" ? value["name"] : "";
  // On workers of another build runs may still go on; and nobody's files go with a word.
  const isWorker = object.kind === "Deployment" && labels[kubernetesLabels.pool] !== undefined;
  const isKept = isWorker || object.kind === "PersistentVolumeClaim";
  return {
    ...value,
    // Under Helm a job cannot be changed either: other values, another job.
    ...(object.kind === "Job" ? { name: `${name.replace(/[0-9a-f]{10}$/, "")}${words.job}` } : {}),
    labels: {
      ...labels,
      [kubernetesLabels.managedBy]: slots.value(".Release.Service"),
      "helm.sh/chart": slots.value('include "agentflow.chart" .'),
    },
    ...(isKept ? { annotations: { "helm.sh/resource-policy": "keep" } } : {}),
  };
}

function specOf(value: JsonObject, { object, slots }: Editing): JsonObject {
  const section = sectionOf(object) ?? "";
  switch (object.kind) {
    case "Deployment":
      return "replicas" in value ? { ...value, replicas: slots.value(`${section}.replicas`) } : value;
    case "ScaledObject":
      return {
        ...value,
        minReplicaCount: slots.value(`${section}.scaling.min`),
        maxReplicaCount: slots.value(`${section}.scaling.max`),
      };
    case "HorizontalPodAutoscaler":
      return {
        ...value,
        minReplicas: slots.value(`max 1 (int ${section}.scaling.min)`),
        maxReplicas: slots.value(`${section}.scaling.max`),
      };
    case "StatefulSet":
      return { ...value, volumeClaimTemplates: [claimTemplate(value, slots)] };
    case "PersistentVolumeClaim":
      return claimSpec(value, ".Values.files", slots);
    default:
      return value;
  }
}

function claimTemplate(set: JsonObject, slots: Slots): JsonObject {
  const [claim] = listOf(set["volumeClaimTemplates"]);
  const found = isObject(claim) ? claim : {};
  const spec = isObject(found["spec"]) ? found["spec"] : {};
  return { ...found, spec: claimSpec(spec, ".Values.nats", slots) };
}

function claimSpec(spec: JsonObject, section: string, slots: Slots): JsonObject {
  const { storageClassName: _, ...rest } = spec;
  return {
    ...rest,
    storageClassName: slots.optional(`${section}.storage.className`),
    resources: { requests: { storage: slots.value(`${section}.storage.size | quote`) } },
  };
}
