// Command golangci-lint is golangci-lint with kube-api-linter linked in, so that the types in api/ are held to the Kubernetes
// API conventions by the same run. It is what `golangci-lint custom` would make, pinned by this module's go.mod.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"

	_ "sigs.k8s.io/kube-api-linter" // registers the linter "kubeapilinter"
)

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		fmt.Fprintf(os.Stderr, "golangci-lint: %v\n", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo names the golangci-lint that is linked in; the main module here has no version of its own.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{GoVersion: "unknown", Version: "unknown", Commit: "with kube-api-linter", Date: "(unknown)"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	info.GoVersion = build.GoVersion
	for _, dep := range build.Deps {
		if dep.Path == "github.com/golangci/golangci-lint/v2" {
			info.Version = dep.Version
		}
	}
	return info
}
