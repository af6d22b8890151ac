// Command manager is the OptUp operator: it compiles what people declared into bundles, hands them to sidecars and ledgers, injects
// the sidecars, and runs the ledgers.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/manager"
)

// version is set by the build.
var version = "dev"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

func run() error {
	o := manager.Options{Version: version}
	o.AddFlags(flag.CommandLine)
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Usage = usage
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging), manager.WithoutBodies))
	if err := o.Validate(); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("no cluster to work with (%w); run in a cluster, or set KUBECONFIG", err)
	}
	return manager.Run(stopped(), config, scheme, o)
}

func stopped() context.Context { return ctrl.SetupSignalHandler() }

func usage() {
	fmt.Fprint(flag.CommandLine.Output(), `The OptUp operator.

Usage:
  manager --sidecar-image optup/sidecar:1.0 --ledger-image optup/ledger:1.0

It runs in the cluster, in a namespace of its own; the chart in charts/optup installs it.

Flags:
`)
	flag.PrintDefaults()
}
