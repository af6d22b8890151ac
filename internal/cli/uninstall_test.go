package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/optup/optup/api/v1alpha1"
)

func take(t *testing.T, c client.Client, o UninstallOptions) Uninstalled {
	t.Helper()
	u, err := Uninstall(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range u.Steps {
		if s.Done == o.DryRun {
			t.Errorf("%s: done is %t", s, s.Done)
		}
	}
	return u
}

func sentences(u Uninstalled) []string {
	var out []string
	for _, s := range u.Steps {
		out = append(out, s.String())
	}
	return out
}

func exists(t *testing.T, c client.Client, o client.Object) bool {
	t.Helper()
	err := c.Get(t.Context(), client.ObjectKeyFromObject(o), o.DeepCopyObject().(client.Object))
	if client.IgnoreNotFound(err) != nil && !missing(err) {
		t.Fatal(err)
	}
	return err == nil
}

func remains(u Uninstalled, what string) bool {
	return slices.ContainsFunc(u.Remains, func(s string) bool { return strings.Contains(s, what) })
}

func TestUninstallTakesWhatRunsAndKeepsWhatPeopleAgreedTo(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	u := take(t, c, UninstallOptions{})
	kept := []string{"marketing", "free", "purpose", "service", "policy", "ledger", "keys", "tls", "volume", "foreign webhook", "foreign trust", "pod", "trust marketing", "trust consent"}
	for _, k := range kinds {
		kept = append(kept, definitionName(k.resource))
	}
	for _, s := range operatorKeys(OperatorNamespace) {
		kept = append(kept, nameOf(s))
	}
	for _, name := range kept {
		if !exists(t, c, w[name]) {
			t.Errorf("%s is gone", name)
		}
	}
	for _, o := range append(managerObjects(OperatorNamespace), w["mutating"], w["validating"], w["trust "+OperatorNamespace]) {
		if exists(t, c, o) {
			t.Errorf("%s is still there", nameOf(o))
		}
	}
	var n corev1.Namespace
	if err := c.Get(t.Context(), types.NamespacedName{Name: "marketing"}, &n); err != nil || n.Labels[v1alpha1.LabelMode] != "enforce" {
		t.Errorf("labels %v, %v", n.Labels, err)
	}
	for _, what := range []string{
		"Sidecars in running pods of marketing", "kubectl -n marketing rollout restart deployment/mailer", "on marketing.", "consent/main", "--purge-ledgers=consent/main",
		"ConfigMap consent/optup-trust, because the ledger main", "ConfigMap marketing/optup-trust, because pods with a sidecar", "--purge deletes them", caSecret,
	} {
		if !remains(u, what) {
			t.Errorf("nothing that remains says %q: %q", what, u.Remains)
		}
	}
	if again := take(t, c, UninstallOptions{}); len(again.Steps) != 0 {
		t.Errorf("a second time does %q", sentences(again))
	}
}

// TestUninstallNeverBlocksPods: whatever the step at which uninstalling stops, either no webhook asks the manager, or the manager is
// there to answer; and no pod waits for authorities that are gone.
func TestUninstallNeverBlocksPods(t *testing.T) {
	everything := UninstallOptions{RemoveLabels: true, StopLedgers: true, Purge: true, PurgeLedgers: []types.NamespacedName{{Namespace: "consent", Name: "main"}}}
	steps := take(t, newWorld(t).client(), UninstallOptions{DryRun: true, RemoveLabels: true, StopLedgers: true, Purge: true, PurgeLedgers: everything.PurgeLedgers}).Steps
	if len(steps) < 20 {
		t.Fatalf("only %d steps", len(steps))
	}
	for fatal := range steps {
		w := newWorld(t)
		n := 0
		broken := func() error {
			if n++; n > fatal {
				return errors.New("no more")
			}
			return nil
		}
		c := w.builder().WithInterceptorFuncs(interceptor.Funcs{
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
				if err := broken(); err != nil {
					return err
				}
				return c.Delete(ctx, o, options...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
				if err := broken(); err != nil {
					return err
				}
				return c.Patch(ctx, o, p, options...)
			},
		}).Build()
		u, err := Uninstall(t.Context(), c, everything)
		if err == nil || !strings.Contains(err.Error(), "run this again") {
			t.Fatalf("step %d: %v", fatal, err)
		}
		for i, s := range u.Steps {
			if s.Done != (i < fatal) {
				t.Errorf("stopped at %d: step %d, %s, done %t", fatal, i, s, s.Done)
			}
		}
		asked := exists(t, c, w["mutating"]) || exists(t, c, w["validating"])
		for _, o := range managerObjects(OperatorNamespace) {
			if asked && !exists(t, c, o) {
				t.Errorf("stopped at %d: webhooks ask, but %s is gone", fatal, nameOf(o))
			}
		}
		if !exists(t, c, w["trust marketing"]) {
			t.Errorf("stopped at %d: the authorities are gone that pods with a sidecar mount", fatal)
		}
		if exists(t, c, w["deployment"]) != (fatal <= 3) {
			t.Errorf("stopped at %d: the manager is there: %t", fatal, exists(t, c, w["deployment"]))
		}
	}
}

func TestTheManagerStaysWhileWebhooksDo(t *testing.T) {
	w := newWorld(t)
	c := w.builder().WithInterceptorFuncs(interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if o.GetName() == "optup" {
				return nil // somebody writes it again at once
			}
			return c.Delete(ctx, o, options...)
		},
	}).Build()
	if _, err := Uninstall(t.Context(), c, UninstallOptions{}); err == nil || !strings.Contains(err.Error(), "the manager stays") {
		t.Errorf("%v", err)
	}
	if !exists(t, c, w["deployment"]) {
		t.Error("the manager is gone")
	}
}

func TestAuthoritiesStayUntilTheManagerHasEnded(t *testing.T) {
	w := newWorld(t)
	p := pod(OperatorNamespace, "optup-manager-x", "", "")
	p.Labels = managerLabels
	w["manager pod"] = p
	c := w.client()
	if _, err := Uninstall(t.Context(), c, UninstallOptions{Wait: 10 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "1 pods of the manager") {
		t.Fatalf("%v", err)
	}
	if !exists(t, c, w["trust "+OperatorNamespace]) {
		t.Error("the manager would write it again")
	}
	if err := c.Delete(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	take(t, c, UninstallOptions{})
	if exists(t, c, w["trust "+OperatorNamespace]) {
		t.Error("a second time does not go on")
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	o := UninstallOptions{RemoveLabels: true, StopLedgers: true, Purge: true, PurgeLedgers: []types.NamespacedName{{Namespace: "consent", Name: "main"}}, DryRun: true}
	would := sentences(take(t, c, o))
	for name, x := range w {
		if !exists(t, c, x) {
			t.Errorf("%s is gone", name)
		}
	}
	o.DryRun = false
	if did := sentences(take(t, c, o)); !slices.Equal(would, did) {
		t.Errorf("would %q\n did %q", would, did)
	}
}

func TestWhatGoesWhenAskedFor(t *testing.T) {
	main := []types.NamespacedName{{Namespace: "consent", Name: "main"}}
	for name, tt := range map[string]struct {
		options    UninstallOptions
		gone, kept []string
	}{
		"labels":                                   {UninstallOptions{RemoveLabels: true}, nil, []string{"marketing", "policy"}},
		"ledgers stop and keep data and keys":      {UninstallOptions{StopLedgers: true}, []string{"ledger", "trust consent"}, []string{"keys", "volume", "trust marketing"}},
		"declarations, but never a kept ledger's":  {UninstallOptions{Purge: true}, []string{"datapurposes.consent.optup.dev"}, []string{"consentledgers.consent.optup.dev", "ledger", "keys", "volume"}},
		"declarations with those of ended ledgers": {UninstallOptions{Purge: true, StopLedgers: true}, []string{"consentledgers.consent.optup.dev", "ledger"}, []string{"keys", "volume"}},
		"a ledger named in full, for good":         {UninstallOptions{PurgeLedgers: main}, []string{"ledger", "keys", "volume", "trust consent"}, []string{"tls", "purpose"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.client()
			take(t, c, tt.options)
			for _, x := range tt.gone {
				if exists(t, c, w[x]) {
					t.Errorf("%s is still there", x)
				}
			}
			for _, x := range tt.kept {
				if !exists(t, c, w[x]) {
					t.Errorf("%s is gone", x)
				}
			}
			var n corev1.Namespace
			if err := c.Get(t.Context(), types.NamespacedName{Name: "marketing"}, &n); err != nil || (n.Labels[v1alpha1.LabelMode] == "") != tt.options.RemoveLabels {
				t.Errorf("labels %v, %v", n.Labels, err)
			}
		})
	}
}

func TestAnotherLedgersDataStays(t *testing.T) {
	w := newWorld(t)
	other := map[string]string{ledgerLabel: "other", managedByLabel: managedByOptUp}
	w["other keys"] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "other-ledger-keys", Labels: other}}
	w["main elsewhere"] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "sales", Name: "main-ledger-keys", Labels: map[string]string{ledgerLabel: "main"}}}
	c := w.client()
	u := take(t, c, UninstallOptions{StopLedgers: true, PurgeLedgers: []types.NamespacedName{{Namespace: "consent", Name: "main"}}})
	if !exists(t, c, w["other keys"]) || !exists(t, c, w["main elsewhere"]) {
		t.Error("a root key is gone that nobody named")
	}
	if !remains(u, "ledger consent/other") || !remains(u, "ledger sales/main") || remains(u, "ledger consent/main") {
		t.Errorf("%q", u.Remains)
	}
	if _, err := Uninstall(t.Context(), c, UninstallOptions{PurgeLedgers: []types.NamespacedName{{Namespace: "consent", Name: "mian"}}}); err == nil {
		t.Error("a name that is mistyped is no error")
	}
}

func TestAuthoritiesGoOnceNoPodNeedsThem(t *testing.T) {
	w := newWorld(t)
	w["pod"].(*corev1.Pod).Status.Phase = corev1.PodSucceeded
	c := w.client()
	u := take(t, c, UninstallOptions{})
	if exists(t, c, w["trust marketing"]) || remains(u, "Sidecars in running pods") {
		t.Errorf("%q", u.Remains)
	}
}

func TestAHelmReleaseIsNamed(t *testing.T) {
	w := newWorld(t)
	if remains(take(t, w.client(), UninstallOptions{DryRun: true}), "helm uninstall") {
		t.Error("there is no release")
	}
	w["deployment"].SetAnnotations(map[string]string{"meta.helm.sh/release-name": "ours"})
	w["release"] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: OperatorNamespace, Name: "sh.helm.release.v1.ours.v1", Labels: map[string]string{"owner": "helm", "name": "ours"}}}
	u := take(t, w.client(), UninstallOptions{DryRun: true})
	if !remains(u, "helm uninstall ours -n "+OperatorNamespace) {
		t.Errorf("%q", u.Remains)
	}
}

func TestUninstallWorksWithoutTheKinds(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"ledger", "policy", "purpose", "service", "config"} {
		delete(w, name)
	}
	c := w.builder().WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, ok := list.(*v1alpha1.ConsentLedgerList); ok {
				return noMatch
			}
			return c.List(ctx, list, options...)
		},
	}).Build()
	u := take(t, c, UninstallOptions{})
	if exists(t, c, w["mutating"]) || !remains(u, "consent/main") {
		t.Errorf("%q", u.Remains)
	}
}
