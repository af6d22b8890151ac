package cli

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// Cluster is a cluster to look at or to change.
type Cluster struct {
	client.Client
	// Version tells which Kubernetes it runs.
	Version func() (*version.Info, error)
	// Config and Set are for what Client cannot do: tokens and ports.
	Config *rest.Config
	Set    kubernetes.Interface
}

// Scheme knows the kinds that commands read.
func Scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err) // types of this binary that do not fit together
		}
	}
	return s
}

// Connect gives the cluster that a kubeconfig names; empty arguments mean what kubectl would take.
func Connect(kubeconfig, kubecontext string) (Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: kubecontext}).ClientConfig()
	if err != nil {
		return Cluster{}, fmt.Errorf("no cluster to work with: %w; set KUBECONFIG, or give --kubeconfig", err)
	}
	config.UserAgent = "optup"
	// Commands read many kinds at once; the server's own fairness is the limit that counts.
	config.QPS = -1
	set, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Cluster{}, err
	}
	c, err := client.New(config, client.Options{Scheme: Scheme()})
	if err != nil {
		return Cluster{}, fmt.Errorf("the cluster does not answer: %w", err)
	}
	return Cluster{Client: c, Version: set.Discovery().ServerVersion, Config: config, Set: set}, nil
}

// finished tells whether a pod runs no more, so that nothing of it matters.
func finished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}
