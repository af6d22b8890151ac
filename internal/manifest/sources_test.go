package manifest

import (
	"testing"

	"github.com/optup/optup/internal/policy"
)

func TestAt(t *testing.T) {
	r := read(t, "# first\n---\n"+head+`DataService
metadata:
  name: mail
  namespace: m
  labels:
    app.kubernetes.io/name: mail
    app: {x: y}
  annotations: {"a.b": c, "a": d, "x[0]": e}
spec:
  hosts: [a.example,
    b.example]
  endpoints:
  - name: send
    methods: [POST]
  - &e
    name: list
    request:
      fields: []
  - <<: *e
    path: /x
  - *e
`)
	ref := policy.Ref{Kind: "DataService", Namespace: "m", Name: "mail"}
	for field, want := range map[string]Position{
		"":                                          {"x.yaml", 3, 1},
		"kind":                                      {"x.yaml", 4, 1},
		"spec":                                      {"x.yaml", 12, 1},
		"spec.hosts[1]":                             {"x.yaml", 14, 5},
		"spec.hosts[2]":                             {"x.yaml", 13, 3},
		"spec.endpoints[0].methods":                 {"x.yaml", 17, 5},
		"spec.endpoints[0].path":                    {"x.yaml", 16, 5},
		"spec.endpoints[1].request.fields":          {"x.yaml", 21, 7},
		"spec.endpoints[1].request.x.y[3].z":        {"x.yaml", 20, 5},
		"spec.endpoints[2].path":                    {"x.yaml", 23, 5},
		"spec.endpoints[2].name":                    {"x.yaml", 19, 5},
		"spec.endpoints[3].name":                    {"x.yaml", 19, 5},
		"spec.endpoints[-1].name":                   {"x.yaml", 15, 3},
		"spec.endpoints[x]":                         {"x.yaml", 15, 3},
		"spec.absent.deep":                          {"x.yaml", 12, 1},
		"status.conditions":                         {"x.yaml", 3, 1},
		"metadata.labels[app.kubernetes.io/name]":   {"x.yaml", 9, 5},
		`metadata.labels["app.kubernetes.io/name"]`: {"x.yaml", 9, 5},
		"metadata.labels['app.kubernetes.io/name']": {"x.yaml", 9, 5},
		"metadata.labels.app.kubernetes.io/name":    {"x.yaml", 9, 5},
		"metadata.labels.app.x":                     {"x.yaml", 10, 11},
		".metadata.labels":                          {"x.yaml", 8, 3},
		"metadata.annotations[a.b]":                 {"x.yaml", 11, 17},
		"metadata.annotations[a]":                   {"x.yaml", 11, 27},
		"metadata.annotations.a.b":                  {"x.yaml", 11, 17},
		"metadata.annotations[x[0]]":                {"x.yaml", 11, 35},
		"metadata.annotations.":                     {"x.yaml", 11, 3},
	} {
		if got, ok := r.Sources.At(ref, field); !ok || got != want {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
	}
	if _, ok := r.Sources.At(policy.Ref{Kind: "DataService", Namespace: "n", Name: "mail"}, "spec"); ok {
		t.Error("an object that nobody wrote has a place")
	}
	if _, ok := (Sources{}).At(ref, "spec"); ok {
		t.Error("nothing was read")
	}
}
