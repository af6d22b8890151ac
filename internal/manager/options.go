package manager

import (
	"errors"
	"flag"
	"os"
	"time"

	"github.com/optup/optup/internal/inject"
)

// Options of the operator.
type Options struct {
	Version string
	// Namespace is the operator's own.
	Namespace string
	// SidecarImage and LedgerImage are what pods get.
	SidecarImage, LedgerImage string
	// ServiceAccount is the operator's own name, which ledgers know as a reader.
	ServiceAccount string
	// LedgerToken is the file with the operator's token for ledgers.
	LedgerToken string
	// Addresses to serve on.
	MetricsAddress, HealthAddress, ConfigAddress string
	WebhookPort                                  int
	// TrustDomain is that of the names of sidecars.
	TrustDomain string
	// LeaderElection lets several replicas run of which one writes.
	LeaderElection bool
	// ShareEvery is how often ledgers are asked for the usable share.
	ShareEvery time.Duration
}

// AddFlags registers the options.
func (o *Options) AddFlags(f *flag.FlagSet) {
	namespace := os.Getenv("POD_NAMESPACE")
	if namespace == "" {
		namespace = "optup-system"
	}
	f.StringVar(&o.Namespace, "namespace", namespace, "the operator's own namespace")
	f.StringVar(&o.SidecarImage, "sidecar-image", "", "image of the sidecar that is injected, best with a digest")
	f.StringVar(&o.LedgerImage, "ledger-image", "", "image of the ledger, best with a digest")
	f.StringVar(&o.ServiceAccount, "service-account", "optup-manager", "the operator's own service account")
	f.StringVar(&o.LedgerToken, "ledger-token", "/var/run/secrets/optup/ledger-token", "file with the operator's token for ledgers")
	f.StringVar(&o.MetricsAddress, "metrics", ":8080", "address of the metrics")
	f.StringVar(&o.HealthAddress, "health", ":8081", "address of the probes")
	f.StringVar(&o.ConfigAddress, "config", ":9443", "address of the config stream")
	f.StringVar(&o.TrustDomain, "trust-domain", "cluster.local", "trust domain of the names by which sidecars know each other")
	f.IntVar(&o.WebhookPort, "webhook-port", 9444, "port of the webhooks")
	f.BoolVar(&o.LeaderElection, "leader-elect", true, "let one of several replicas write")
	f.DurationVar(&o.ShareEvery, "share-interval", 10*time.Second, "how often ledgers are asked for the usable share")
}

// Validate checks what has no default.
func (o *Options) Validate() error {
	if o.SidecarImage == "" || o.LedgerImage == "" {
		return errors.New("name the images that pods get: --sidecar-image and --ledger-image")
	}
	if o.ShareEvery < time.Second {
		return errors.New("--share-interval is at least 1s")
	}
	return nil
}

// managerURL is where sidecars and ledgers find the config stream.
func (o *Options) managerURL() string { return "https://optup-manager." + o.Namespace + ".svc:9443" }

// sidecar is what pods get.
func (o *Options) sidecar() inject.Config {
	return inject.Config{Image: o.SidecarImage, ManagerURL: o.managerURL()}
}
