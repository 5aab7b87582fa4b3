{{- define "assayd.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "assayd.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "assayd.labels" -}}
{{ include "assayd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The repository as the container sees it. */ -}}
{{- define "assayd.repositoryPath" -}}
{{- with .Values.repository }}
{{- if and .existingClaim .path }}
{{- fail "Set only one of repository.existingClaim and repository.path: the server reads one model repository." }}
{{- else if not (or .existingClaim .path) }}
{{- fail "Set repository.existingClaim (a volume claim with the models) or repository.path (a path inside the image)." }}
{{- end }}
{{- .path | default "/models" }}
{{- end }}
{{- end }}
