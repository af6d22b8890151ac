package world

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

//go:embed policy.yaml
var policyYAML string

const (
	host       = "localhost"
	controller = "Market Ltd"
)

// bundle compiles the policy for services on ports, by the road of the operator.
func bundle(ports []int) (*ir.Bundle, []byte, error) {
	var declared []string
	for _, p := range ports {
		declared = append(declared, fmt.Sprintf("{port: %d, protocol: HTTP}", p))
	}
	text := strings.Replace(policyYAML, "ports: PORTS", "ports: ["+strings.Join(declared, ", ")+"]", 1)
	r := manifest.Reader{}
	if err := r.Read("policy.yaml", strings.NewReader(text)); err != nil {
		return nil, nil, err
	}
	read := r.Result()
	o := read.Objects
	o.Workloads = append(o.Workloads, policy.Workload{Namespace: "market", Kind: "Deployment", Name: "client"})
	result := compile.Compile(translate.Snapshot(o))
	for _, f := range result.Findings {
		return nil, nil, errors.New(f.Message)
	}
	if len(result.Bundles) != 1 {
		return nil, nil, fmt.Errorf("%d bundles, want one", len(result.Bundles))
	}
	return result.Bundles[0].Bundle, result.Bundles[0].Encoded, nil
}
