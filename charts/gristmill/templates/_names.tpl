{{/* Names, labels and images that several templates share. */}}

{{- define "gristmill.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gristmill.operator" -}}
{{ include "gristmill.fullname" . }}-operator
{{- end -}}

{{- define "gristmill.demo" -}}
{{ include "gristmill.fullname" . }}-demo-s3
{{- end -}}

{{- define "gristmill.serviceAccount" -}}
{{ default (include "gristmill.operator" .) .Values.serviceAccount.name }}
{{- end -}}

{{- define "gristmill.caSecret" -}}
{{ default (printf "%s-ca" (include "gristmill.fullname" .)) .Values.ca.existingSecret }}
{{- end -}}

{{/* Labels of every object. Call with (list $ "component"). */}}
{{- define "gristmill.labels" -}}
{{- $root := index . 0 -}}
{{ include "gristmill.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: gristmill
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end -}}

{{/* Labels that select pods: they never change. Call with (list $ "component"). */}}
{{- define "gristmill.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: gristmill
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Reference of one of the project's images. Call with (list $ .Values.workerImage). */}}
{{- define "gristmill.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
:{{ default $root.Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{/* Where `helm test` runs its job: in the namespace of the release, unless only others are watched. */}}
{{- define "gristmill.testNamespace" -}}
{{- if and .Values.watchNamespaces (not (has .Release.Namespace .Values.watchNamespaces)) -}}
{{- first .Values.watchNamespaces -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end -}}
