package road

import (
	"bytes"
	"context"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/shop"
)

// Shop brings the shop up, as its makers deliver it, with a list of people to mail.
func (r *Road) Shop(ctx context.Context, list []shop.Customer) error {
	if err := r.Apply(ctx, r.Manifest("00-namespaces.yaml")); err != nil {
		return err
	}
	if err := r.provide(ctx); err != nil {
		return err
	}
	if err := r.Apply(ctx, r.Manifest("crm.yaml"), r.Manifest("esp.yaml"), r.Manifest("dashboard.yaml"), r.Manifest("ticker.yaml")); err != nil {
		return err
	}
	if r.Database != "" {
		if err := r.Apply(ctx, filepath.Join(r.Root, "test/road/postgres.yaml")); err != nil {
			return err
		}
	}
	var csv bytes.Buffer
	if err := shop.WriteAddressees(&csv, list); err != nil {
		return err
	}
	c := &corev1.ConfigMap{Data: map[string]string{"addressees.csv": csv.String()}}
	c.Namespace, c.Name = "marketing", "lists"
	if err := r.Create(ctx, c); err != nil {
		return err
	}
	for _, x := range [][2]string{{"crm", "crm"}, {"esp", "esp"}, {"marketing", "dashboard"}, {"marketing", "ticker"}} {
		if err := r.Ready(ctx, x[0], x[1]); err != nil {
			return err
		}
	}
	if err := r.Keys(ctx, true); err != nil {
		return err
	}
	if !outside() {
		return nil
	}
	return r.Names(ctx, map[string]string{ProviderHost: "esp/api"})
}

// Declare applies what the shop may do, waits for its ledger, and imports consents.
func (r *Road) Declare(ctx context.Context, rows []shop.Consent) (report map[string]any, took time.Duration, err error) {
	if err := r.Apply(ctx, r.Manifest("policies.yaml")); err != nil {
		return nil, 0, err
	}
	if err := r.entrust(ctx); err != nil {
		return nil, 0, err
	}
	err = r.Until(ctx, 2*time.Minute, "the ledger serves", func(ctx context.Context) (bool, error) {
		var l v1alpha1.ConsentLedger
		err := r.Client.Get(ctx, types.NamespacedName{Namespace: "consent", Name: "main"}, &l)
		return err == nil && meta.IsStatusConditionTrue(l.Status.Conditions, v1alpha1.ConditionReady), err
	})
	if err != nil {
		return nil, 0, err
	}
	ledger, err := r.OpenLedger(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer ledger.Close()
	var csv bytes.Buffer
	if err := shop.WriteConsents(&csv, rows); err != nil {
		return nil, 0, err
	}
	began := time.Now()
	report, err = ledger.Import(ctx, csv.Bytes())
	return report, time.Since(began), err
}

// Govern labels the marketing namespace, has pods made anew where they have no sidecar yet, and waits until all run in the mode. Once they
// are enforced, the mail provider takes no key any more but that of the sidecars.
func (r *Road) Govern(ctx context.Context, label, mode string) error {
	if err := r.Label(ctx, "marketing", label); err != nil {
		return err
	}
	for _, app := range []string{"dashboard", "ticker"} {
		p, err := r.Pod(ctx, "marketing", App(app))
		if err != nil {
			return err
		}
		if len(p.Spec.InitContainers) > 0 {
			continue
		}
		if err := r.Restart(ctx, "marketing", app); err != nil {
			return err
		}
	}
	if err := r.Mode(ctx, "marketing", mode); err != nil {
		return err
	}
	return r.Keys(ctx, mode != "Enforce")
}

// Mailed gives whom the mail service has sent a template to.
func (r *Road) Mailed(ctx context.Context, template string) ([]string, error) {
	esp, err := r.Pod(ctx, "esp", App("esp"))
	if err != nil {
		return nil, err
	}
	var got struct {
		People []string `json:"people"`
	}
	err = r.Ask(ctx, esp, 8081, "/people?template="+template, &got)
	return got.People, err
}
