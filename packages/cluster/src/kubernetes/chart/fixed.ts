/** Files of a chart that are no object's: what it is, what all templates share, and what it refuses. */
import { isObject } from "../../model/overlay.ts";
import { kubernetesLabels } from "../labels.ts";
import { type Release, releaseNames } from "../release.ts";

export function chartFile({ name, project, version }: Release): string {
  return `apiVersion: v2
name: ${name}
description: "${project}: a control plane, workers and NATS of AgentFlow"
type: application
version: ${version}
appVersion: "${version}"
# Containers that wait with a sleep before they end, and servers that are counted from 1.
kubeVersion: ">=1.30.0-0"
`;
}

export const helpersTemplate = `{{- define "agentflow.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{- end }}
{{- /* A job is never changed: with other values there is another one. */}}
{{- define "agentflow.values" -}}
{{- .Values | toJson | sha256sum | trunc 10 }}
{{- end }}
`;

/** Two owners of one release would each take the other's objects for gone. */
export function checkTemplate({ name, target }: Release): string {
  const inventory = JSON.stringify(releaseNames.inventory(name));
  const owned = `${name} in namespace %s was deployed by af deploy`;
  const says = `${owned}: go on with af deploy ${target}, or take it away first`;
  return `{{- if lookup "v1" "ConfigMap" .Release.Namespace ${inventory} }}
{{- fail (printf ${JSON.stringify(says)} .Release.Namespace) }}
{{- end }}
`;
}

export function notesTemplate({ name }: Release): string {
  const service = releaseNames.api(name);
  const keys = releaseNames.keys(name, "control-plane");
  const kubectl = "kubectl -n {{ .Release.Namespace }}";
  return [
    `${name} is on its way: ${kubectl} get pods -l ${kubernetesLabels.instance}=${name}`,
    "{{- if .Values.ingress.enabled }}",
    "The API: http{{ if .Values.ingress.tlsSecret }}s{{ end }}://{{ .Values.ingress.host }}",
    "{{- else }}",
    `The API: ${kubectl} port-forward service/${service} 4180`,
    "{{- end }}",
    `Its first token: ${kubectl} get secret ${keys} -o jsonpath={.data.token} | base64 -d`,
    "Workers of earlier builds stay until you delete their Deployments; so go back with",
    "helm upgrade and the values of then, which helm rollback cannot.",
    "",
  ].join("\n");
}

/** There is always one: whether it is used is a value. */
export function ingressTemplate({ name, objects }: Release): string {
  const service = releaseNames.api(name);
  const labels = objects.find(({ metadata, kind }) => kind === "Service" && metadata.name === service)
    ?.metadata["labels"];
  const lines = Object.entries(isObject(labels) ? labels : {}).map(([key, value]) => {
    const text = key === kubernetesLabels.managedBy ? "{{ .Release.Service }}" : JSON.stringify(value);
    return `    ${key}: ${text}`;
  });
  return `{{- if .Values.ingress.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${service}
  namespace: {{ .Release.Namespace | quote }}
  labels:
${lines.join("\n")}
    helm.sh/chart: {{ include "agentflow.chart" . }}
spec:
  {{- with .Values.ingress.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.ingress.tlsSecret }}
  tls:
    - hosts:
        - {{ $.Values.ingress.host | quote }}
      secretName: {{ . | quote }}
  {{- end }}
  rules:
    - host: {{ required "ingress.host: the name of the API" .Values.ingress.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: ${service}
                port:
                  name: api
{{- end }}
`;
}
