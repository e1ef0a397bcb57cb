{{/*
The job of `helm test`, as JSON: counts words where there is a store, else gives one row that needs none.
*/}}
{{- define "gristmill.testJob" -}}
{{- $input := .Values.test.input -}}
{{- $output := .Values.test.output -}}
{{- if .Values.demoS3.enabled -}}
{{- $input = default "s3://demo/books/*.txt" $input -}}
{{- $output = default "s3://demo/helm-test/" $output -}}
{{- end -}}
{{- $spec := dict "partitions" 2 "deadline" (printf "%ds" (int .Values.test.timeoutSeconds)) -}}
{{- if $input -}}
{{- $map := dict "sql" "SELECT unnest(regexp_extract_all(lower(value), '[a-z]+')) AS word FROM input" -}}
{{- $books := dict "name" "books" "uri" $input "format" "text" "map" $map "key" (list "word") -}}
{{- $_ := set $spec "input" (list $books) -}}
{{- $_ := set $spec "reduce" (dict "sql" "SELECT word, count(*) AS n FROM books GROUP BY word") -}}
{{- else -}}
{{- $_ := set $spec "partitions" 1 -}}
{{- $_ := set $spec "reduce" (dict "sql" "SELECT 42 AS answer") -}}
{{- end -}}
{{- if $output -}}
{{- $_ := set $spec "output" (dict "uri" $output "mode" "overwrite") -}}
{{- end -}}
{{- $metadata := dict "name" (printf "%s-helm-test" (include "gristmill.fullname" .)) "namespace" (include "gristmill.testNamespace" .) -}}
{{- dict "apiVersion" "gristmill.dev/v1alpha1" "kind" "MapReduceJob" "metadata" $metadata "spec" $spec | toJson -}}
{{- end -}}
