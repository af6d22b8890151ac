{{- define "optup.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- $root.Values.images.registry -}}{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "optup.labels" -}}
app.kubernetes.io/name: optup
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: optup
{{- end -}}

{{- define "optup.selector" -}}
app.kubernetes.io/name: optup
app.kubernetes.io/component: manager
{{- end -}}
