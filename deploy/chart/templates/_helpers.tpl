{{- define "agentflow.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{- end }}
{{- /* A job is never changed: with other values there is another one. */}}
{{- define "agentflow.values" -}}
{{- .Values | toJson | sha256sum | trunc 10 }}
{{- end }}
