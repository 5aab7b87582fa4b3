{{- define "assayd.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* A name that tells apart what there is several of; cut so that what comes after it is never lost. */ -}}
{{- define "assayd.named" -}}
{{- $suffix := last . }}
{{- printf "%s-%s" (include "assayd.fullname" (first .) | trunc (int (sub 62 (len $suffix))) | trimSuffix "-") $suffix }}
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

{{- define "assayd.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "assayd.serviceAccountName" -}}
{{- with .Values.serviceAccount }}
{{- if .name }}{{ .name }}{{ else if .create }}{{ include "assayd.fullname" $ }}{{ else }}default{{ end }}
{{- end }}
{{- end }}

{{- /* The repository as the server sees it. */ -}}
{{- define "assayd.repository" -}}
{{- with .Values.repository }}
{{- $given := compact (list .existingClaim .url .path) }}
{{- if not $given }}
{{- fail "Set repository.existingClaim (a volume claim with the models), repository.url (a folder in a bucket) or repository.path (a path inside the image)." }}
{{- else if gt (len $given) 1 }}
{{- fail "Set only one of repository.existingClaim, repository.url and repository.path: the server reads one model repository." }}
{{- else if and .credentialsSecret (not .url) }}
{{- fail "repository.credentialsSecret is for a bucket: set repository.url, or leave the Secret out." }}
{{- end }}
{{- if .existingClaim }}/models{{ else }}{{ .url | default .path }}{{ end }}
{{- end }}
{{- end }}

{{- /* The Secret with access.toml; empty where there is none. */ -}}
{{- define "assayd.accessSecret" -}}
{{- with .Values.access }}
{{- if .existingSecret }}{{ .existingSecret }}{{ else if .file }}{{ include "assayd.named" (list $ "access") }}{{ end }}
{{- end }}
{{- end }}

{{- /* Whether calls are encrypted and their callers known; empty where they are not. */ -}}
{{- define "assayd.secure" -}}
{{- if and .Values.tls.enabled (or .Values.tls.clientCa (include "assayd.accessSecret" .)) }}true{{ end }}
{{- end }}

{{- /* What would install and then do something else than was meant. */ -}}
{{- define "assayd.check" -}}
{{- with .Values }}
{{- if and .tls.enabled (not .tls.existingSecret) }}
{{- fail "tls.enabled needs tls.existingSecret: the name of a Secret with tls.crt and tls.key." }}
{{- end }}
{{- if and (not .tls.enabled) (or .tls.existingSecret .tls.clientCa) }}
{{- fail "tls.existingSecret and tls.clientCa do nothing without tls.enabled: set it to true, or leave them out." }}
{{- end }}
{{- if and (ne .service.type "ClusterIP") (not (include "assayd.secure" $)) (not .insecure) }}
{{- $lacking := .tls.enabled | ternary "nobody is asked who calls: set access or tls.clientCa" "calls are not encrypted: set tls.enabled" }}
{{- fail (printf "A Service of type %s can be reached from outside of the cluster, and %s, or insecure if that is meant." .service.type $lacking) }}
{{- end }}
{{- if and .access.existingSecret .access.file }}
{{- fail "Set only one of access.existingSecret and access.file." }}
{{- end }}
{{- if and (or .access.existingSecret .access.file) (not .tls.enabled) (not .insecure) }}
{{- fail "With access, calls carry tokens, which must not go in the clear: set tls.enabled, or insecure if that is meant." }}
{{- end }}
{{- if and .drain.delaySeconds (lt (int .drain.delaySeconds) 4) }}
{{- fail (printf "Readiness takes 4 seconds to notice, and drain.delaySeconds is %v: set 4 or more, or 0 where nobody goes by readiness." .drain.delaySeconds) }}
{{- end }}
{{- if and .settings.uds (gt (int (.settings.workers | default 1)) 1) }}
{{- fail "One socket cannot be shared by several workers: leave settings.uds out, or have one worker." }}
{{- end }}
{{- with .autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
{{- fail "autoscaling.minReplicas is larger than autoscaling.maxReplicas." }}
{{- end }}
{{- if and .enabled (not .cpuPercent) (not .pendingRows) }}
{{- fail "autoscaling has nothing to go by: set autoscaling.cpuPercent or autoscaling.pendingRows." }}
{{- end }}
{{- end }}
{{- if and .autoscaling.enabled .autoscaling.cpuPercent (not (dig "requests" "cpu" "" .resources)) }}
{{- fail "autoscaling.cpuPercent is a share of resources.requests.cpu: set that too." }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The server's settings as TOML; what JSON writes of a string, a number or a boolean is TOML too. toJson also
because a template would print a large number as 6.7108864e+07. */ -}}
{{- define "assayd.config" -}}
{{- include "assayd.check" . -}}
host = "0.0.0.0"
port = 50051
metrics_port = 9090
repository = {{ include "assayd.repository" . | toJson }}
{{- if .Values.repository.url }}
repository_cache = "/cache"
repository_cache_bytes_max = {{ mul .Values.repository.cacheGiB 1073741824 }}
{{- end }}
drain_delay_seconds = {{ .Values.drain.delaySeconds }}
drain_grace_seconds = {{ .Values.drain.graceSeconds }}
{{- if .Values.tls.enabled }}
tls_certificate = "/etc/assayd-tls/tls.crt"
tls_key = "/etc/assayd-tls/tls.key"
{{- if .Values.tls.clientCa }}
tls_client_ca = "/etc/assayd-tls/ca.crt"
{{- end }}
{{- end }}
{{- if include "assayd.accessSecret" . }}
access = "/etc/assayd-access/access.toml"
{{- end }}
{{- if not (include "assayd.secure" .) }}
# Pods are reached from other machines: the server takes their calls in the clear, or from anybody, only when told so.
insecure = true
{{- end }}
{{- if .Values.traces.endpoint }}
traces = "otlp"
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }} = {{ toJson $value }}
{{- end }}
{{- end }}
