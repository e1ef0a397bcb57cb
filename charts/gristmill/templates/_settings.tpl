{{/* The operator's environment: gristmill_operator/settings.py says what each variable means. */}}

{{- define "gristmill.stores" -}}
{{- $stores := .Values.stores -}}
{{- if .Values.demoS3.enabled -}}
{{- $endpoint := printf "http://%s.%s.svc:9000" (include "gristmill.demo" .) .Release.Namespace -}}
{{- $secret := dict "name" (include "gristmill.demo" .) -}}
{{- $stores = append $stores (dict "prefix" "s3://" "endpoint" $endpoint "region" "us-east-1" "pathStyle" true "secretRef" $secret) -}}
{{- end -}}
{{- $stores | toJson -}}
{{- end -}}

{{- define "gristmill.scratch" -}}
{{- if .Values.scratch -}}
{{- .Values.scratch -}}
{{- else if .Values.demoS3.enabled -}}
s3://demo/scratch/
{{- end -}}
{{- end -}}

{{- define "gristmill.pullSecretNames" -}}
{{- $names := list -}}
{{- range .Values.imagePullSecrets }}{{ $names = append $names .name }}{{ end -}}
{{- join "," $names -}}
{{- end -}}

{{- define "gristmill.settings" -}}
{{- $pods := .Values.jobPods -}}
{{- $json := dict
  "AGENT_RESOURCES" $pods.agentResources
  "EXECUTOR_RESOURCES" $pods.executorResources
  "POD_ENV" $pods.env
  "POD_LABELS" $pods.labels
  "POD_ANNOTATIONS" $pods.annotations
  "POD_NODE_SELECTOR" $pods.nodeSelector
  "POD_TOLERATIONS" $pods.tolerations
  "ZONE_MAP" .Values.zones -}}
{{- $text := dict
  "WATCH_NAMESPACES" (join "," .Values.watchNamespaces)
  "WATCH_NODES" (ternary "false" "true" (not (empty .Values.watchNamespaces)))
  "WORKER_IMAGE" (include "gristmill.image" (list . .Values.workerImage))
  "WORKER_PULL_POLICY" .Values.workerImage.pullPolicy
  "IMAGE_PULL_SECRETS" (include "gristmill.pullSecretNames" .)
  "SERVICE_ADDRESS" (printf "%s.%s.svc:7070" (include "gristmill.operator" .) .Release.Namespace)
  "LOG_LEVEL" .Values.operator.logLevel
  "NETWORK_POLICIES" (toString .Values.networkPolicy.enabled)
  "MAX_WORKERS" (toString $pods.maxWorkers)
  "LINGER_S" (toString $pods.lingerSeconds)
  "GRACE_S" (toString $pods.terminationGracePeriodSeconds)
  "SCRATCH_SIZE" $pods.scratchSize
  "CACHE_SIZE" $pods.cacheSize
  "POD_PRIORITY_CLASS" $pods.priorityClassName
  "POD_SERVICE_ACCOUNT" $pods.serviceAccountName
  "RUNTIME_CLASS" $pods.runtimeClassName
  "DEFAULT_STORES" (include "gristmill.stores" .)
  "DEFAULT_SCRATCH" (include "gristmill.scratch" .) -}}
{{- range $name, $value := $json }}{{ $_ := set $text $name (toJson $value) }}{{ end -}}
- name: OPERATOR_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: OPERATOR_POD
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- range $name, $value := $text }}
{{- if not (has $value (list "" "{}" "[]")) }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end -}}
