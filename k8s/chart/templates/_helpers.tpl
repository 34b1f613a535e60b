{{- define "tvrec.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "tvrec.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "tvrec.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tvrec.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The helpers below take (list $ "component"). */}}

{{- define "tvrec.componentName" -}}
{{- printf "%s-%s" (include "tvrec.fullname" (first .)) (last .) }}
{{- end }}

{{- define "tvrec.selector" -}}
app.kubernetes.io/name: {{ include "tvrec.name" (first .) }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "tvrec.meta" -}}
{{- $ := first . -}}
name: {{ include "tvrec.componentName" . }}
namespace: {{ $.Release.Namespace }}
labels: {{- include "tvrec.labels" . | nindent 2 }}
{{- end }}

{{- define "tvrec.labels" -}}
{{- $ := first . -}}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version }}
{{ include "tvrec.selector" . }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tvrec
app.kubernetes.io/managed-by: {{ $.Release.Service }}
{{- end }}

{{/* What every pod has; (list $ uid gid), and as a fourth the account of one that asks Kubernetes. */}}
{{- define "tvrec.pod" -}}
{{- $ := index . 0 -}}
{{- if eq (len .) 4 -}}
serviceAccountName: {{ index . 3 }}
automountServiceAccountToken: true
{{- else -}}
serviceAccountName: {{ include "tvrec.fullname" $ }}
automountServiceAccountToken: false
{{- end }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 2 }}
  fsGroup: {{ index . 2 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $.Values.images.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What every container has; (list $ image resources). */}}
{{- define "tvrec.container" -}}
image: {{ index . 1 | quote }}
imagePullPolicy: {{ (index . 0).Values.images.pullPolicy }}
{{ include "tvrec.locked" . }}
resources: {{- toYaml (index . 2) | nindent 2 }}
{{- end }}

{{- define "tvrec.locked" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* As long as a first start may take: a Deployment that counts as failed ends `helm --wait`. */}}
{{- define "tvrec.patience" -}}
progressDeadlineSeconds: {{ .Values.setup.deadlineSeconds }}
{{- end }}

{{/* An image of ours; (list $ component override). */}}
{{- define "tvrec.image" -}}
{{- $ := index . 0 -}}
{{- index . 2 | default (printf "%s/%s:%s" $.Values.images.repository (index . 1) ($.Values.images.tag | default $.Chart.AppVersion)) }}
{{- end }}

{{/* A setting as text; numbers of YAML come as floats, and 1000000 must not become 1e+06. */}}
{{- define "tvrec.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Where the parts are. */}}

{{- define "tvrec.kafka" -}}
{{- if .Values.kafka.enabled -}}
{{ include "tvrec.componentName" (list . "kafka") }}:9092
{{- else -}}
{{ required "kafka.external.bootstrapServers is needed with kafka.enabled: false" .Values.kafka.external.bootstrapServers }}
{{- end }}
{{- end }}

{{/* Copies of a topic: as many as there are brokers, at most three. */}}
{{- define "tvrec.replication" -}}
{{- ternary (min 3 (int .Values.kafka.replicas)) .Values.kafka.external.replication .Values.kafka.enabled }}
{{- end }}

{{- define "tvrec.schemaRegistry" -}}
{{- if .Values.schemaRegistry.enabled -}}
http://{{ include "tvrec.componentName" (list . "schema-registry") }}:8080/apis/ccompat/v7
{{- else -}}
{{ required "schemaRegistry.external.url is needed with schemaRegistry.enabled: false" .Values.schemaRegistry.external.url }}
{{- end }}
{{- end }}

{{- define "tvrec.s3" -}}
{{- if .Values.s3.endpoint -}}
{{ .Values.s3.endpoint }}
{{- else if .Values.minio.enabled -}}
http://{{ include "tvrec.componentName" (list . "minio") }}:9000
{{- end }}
{{- end }}

{{- define "tvrec.postgresql" -}}
{{- if .Values.postgresql.enabled -}}
{{ include "tvrec.componentName" (list . "postgresql") }}:5432
{{- else -}}
{{ required "postgresql.external.host is needed with postgresql.enabled: false" .Values.postgresql.external.host }}:{{ .Values.postgresql.external.port }}
{{- end }}
{{- end }}

{{- define "tvrec.postgresqlSecret" -}}
{{- if .Values.postgresql.existingSecret -}}
{{ .Values.postgresql.existingSecret }}
{{- else if .Values.postgresql.enabled -}}
{{ include "tvrec.componentName" (list . "postgresql") }}
{{- else -}}
{{ fail "postgresql.existingSecret is needed with postgresql.enabled: false" }}
{{- end }}
{{- end }}

{{- define "tvrec.s3Secret" -}}
{{- if .Values.s3.existingSecret -}}
{{ .Values.s3.existingSecret }}
{{- else if .Values.minio.enabled -}}
{{ include "tvrec.componentName" (list . "minio") }}
{{- end }}
{{- end }}

{{/* Environment of our parts. */}}

{{- define "tvrec.env.common" -}}
- {name: TVREC_STATE_DIR, value: /var/lib/tvrec}
- {name: HOME, value: /tmp}
{{- end }}

{{/* S3 keys; (list secret-name). */}}
{{- define "tvrec.env.s3Keys" -}}
{{- with first . }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: access-key}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: secret-key}}
{{- end }}
{{- end }}

{{- define "tvrec.env.s3" -}}
- {name: TVREC_BUCKET, value: {{ .Values.s3.bucket | quote }}}
{{- with include "tvrec.s3" . }}
- {name: S3_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
- {name: AWS_REGION, value: {{ .Values.s3.region | quote }}}
{{- include "tvrec.env.s3Keys" (list (include "tvrec.s3Secret" .)) }}
{{- end }}

{{- define "tvrec.env.kafka" -}}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ include "tvrec.kafka" . | quote }}}
- {name: SCHEMA_REGISTRY_URL, value: {{ include "tvrec.schemaRegistry" . | quote }}}
{{- with .Values.kafka.properties.existingSecret }}
- name: TVREC_KAFKA_PROPERTIES
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $.Values.kafka.properties.key }}}}
{{- end }}
{{- end }}

{{- define "tvrec.env.mlflow" -}}
- {name: MLFLOW_TRACKING_URI, value: {{ printf "http://%s:5000" (include "tvrec.componentName" (list . "mlflow")) | quote }}}
{{- if .Values.mlflow.auth.enabled }}
- {name: MLFLOW_TRACKING_USERNAME, value: admin}
- name: MLFLOW_TRACKING_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "tvrec.mlflowAuthSecret" . }}, key: admin-password}}
{{- end }}
{{- end }}

{{- define "tvrec.mlflowAuthSecret" -}}
{{- .Values.mlflow.auth.existingSecret | default (include "tvrec.componentName" (list . "mlflow-auth")) }}
{{- end }}

{{/* The settings, and a restart of the pods when they change. */}}
{{- define "tvrec.envFrom" -}}
- configMapRef: {name: {{ include "tvrec.componentName" (list . "settings") }}}
{{- end }}

{{- define "tvrec.settingsChecksum" -}}
checksum/settings: {{ .Values.settings | toJson | sha256sum }}
{{- end }}

{{/* A process without a port is alive while it looks at whether it is to stop (mlproject/signals.py);
     (list seconds). */}}
{{- define "tvrec.alive" -}}
livenessProbe:
  exec:
    command:
      - python
      - -c
      - import os, sys, time; sys.exit(time.time() - os.path.getmtime("/var/lib/tvrec/alive") > {{ first . }})
  initialDelaySeconds: 60
  periodSeconds: 60
  timeoutSeconds: 10
{{- end }}

{{- define "tvrec.scratchMounts" -}}
- {name: scratch, mountPath: /tmp, subPath: tmp}
- {name: scratch, mountPath: /var/lib/tvrec, subPath: state}
{{- end }}

{{- define "tvrec.scratch" -}}
- name: scratch
  emptyDir: {sizeLimit: 2Gi}
{{- end }}

{{/* The spec of a volume claim; {size, className}. */}}
{{- define "tvrec.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .className }}
storageClassName: {{ . }}
{{- end }}
resources: {requests: {storage: {{ .size }}}}
{{- end }}

{{- define "tvrec.dataMount" -}}
{{- if .Values.data.existingClaim -}}
- {name: data, mountPath: /data, readOnly: true}
{{- end }}
{{- end }}

{{- define "tvrec.dataVolume" -}}
{{- with .Values.data.existingClaim -}}
- name: data
  persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
{{- end }}
{{- end }}

{{/* Metrics of a part without a web page of its own. */}}

{{/* What its port has beyond metrics.port, as mlproject/monitoring/port.py has it; (list $ part). */}}
{{- define "tvrec.metricsPort" -}}
{{- add (first .).Values.metrics.port (index (dict "model-builder" 0 "event-generator" 1 "data-exporter" 2) (last .)) }}
{{- end }}

{{- define "tvrec.metricsAnnotations" -}}
{{- with (first .).Values.metrics }}
{{- if and .annotations .port }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ include "tvrec.metricsPort" $ | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}
{{- end }}

{{- define "tvrec.metricsEnv" -}}
{{- with .Values.metrics.port }}
- {name: TVREC_HOST, value: 0.0.0.0}
- {name: TVREC_METRICS_PORT, value: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* Kafka and Kafka Connect, whose agent comes from the image of Connect (stack/jmx.yaml). */}}
{{- define "tvrec.jmxAnnotations" -}}
{{- with .Values.metrics }}
{{- if and .annotations .jmxPort }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .jmxPort | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}
{{- end }}

{{- define "tvrec.metricsPorts" -}}
{{- if (first .).Values.metrics.port }}
ports:
  - {name: metrics, containerPort: {{ include "tvrec.metricsPort" . }}}
{{- end }}
{{- end }}
