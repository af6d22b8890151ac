package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/test/road"
)

// withdrawals is how many people withdraw, one after the other.
const withdrawals = 5

type tick struct {
	Start    time.Time `json:"start"`
	Status   int       `json:"status"`
	Accepted bool      `json:"accepted"`
}

// withdrawal watches one person's mail every few milliseconds while the person withdraws.
func (d *demo) withdrawal(ctx context.Context) error {
	ledger, err := d.OpenLedger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	ticker, err := d.Pod(ctx, "marketing", road.App("ticker"))
	if err != nil {
		return err
	}
	esp, err := d.Pod(ctx, "esp", road.App("esp"))
	if err != nil {
		return err
	}
	var all []float64
	for range withdrawals {
		address := d.next()
		ms, err := d.oneWithdrawal(ctx, ledger, ticker, esp, address)
		if err != nil {
			return err
		}
		delete(d.truth.Newsletter, address)
		all = append(all, ms)
	}
	slices.Sort(all)
	d.limit("withdrawal", "milliseconds from acknowledgement to the first request that denies, median of 5", all[len(all)/2], 1000)
	d.limit("withdrawal", "the slowest of them", all[len(all)-1], 1000)
	return nil
}

// next is somebody who may get the newsletter.
func (d *demo) next() string {
	for _, p := range d.people {
		if d.truth.Newsletter[p.Email] {
			return p.Email
		}
	}
	return ""
}

func (d *demo) oneWithdrawal(ctx context.Context, ledger *road.Ledger, ticker, esp *corev1.Pod, address string) (float64, error) {
	if err := d.Tell(ctx, ticker, 8081, "/watch", map[string]string{"email": address}); err != nil {
		return 0, err
	}
	var seen struct {
		Count       int    `json:"count"`
		LastSubject string `json:"lastSubject"`
	}
	look := func(ctx context.Context) error {
		return d.Ask(ctx, esp, 8081, "/seen?template="+newsletterTemplate+"&email="+address, &seen)
	}
	err := d.Until(ctx, 30*time.Second, "mail to the watched person arrives", func(ctx context.Context) (bool, error) {
		before := seen.Count
		return seen.Count > 20 && before > 0, look(ctx)
	})
	if err != nil {
		return 0, err
	}
	done, err := ledger.Append(ctx, address, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
	if err != nil {
		return 0, err
	}
	time.Sleep(500 * time.Millisecond)
	if err := look(ctx); err != nil {
		return 0, err
	}
	last, err := time.Parse(time.RFC3339Nano, seen.LastSubject)
	if err != nil {
		return 0, fmt.Errorf("the mail service tells no start time: %w", err)
	}
	var all struct {
		Ticks []tick `json:"ticks"`
	}
	if err := d.Ask(ctx, ticker, 8081, "/ticks", &all); err != nil {
		return 0, err
	}
	if err := d.Tell(ctx, ticker, 8081, "/watch", map[string]string{"email": ""}); err != nil {
		return 0, err
	}
	count := seen.Count
	time.Sleep(100 * time.Millisecond)
	if err := look(ctx); err != nil {
		return 0, err
	}
	if seen.Count != count {
		return 0, errors.New("mail arrived after the first request that was denied")
	}
	for _, t := range all.Ticks {
		if t.Start.After(last) {
			// The ledger's own time of the append is earlier than its acknowledgement, so this is no flattery.
			return round(float64(t.Start.Sub(done.At).Microseconds()) / 1000), nil
		}
	}
	return 0, errors.New("no request began after the last that was delivered")
}

func (d *demo) objection(ctx context.Context) error {
	ledger, err := d.OpenLedger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	address := d.next()
	if _, err := ledger.Append(ctx, address, consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll}); err != nil {
		return err
	}
	delete(d.truth.Newsletter, address)
	newsletter, invoice, err := d.campaigns(ctx)
	if err != nil {
		return err
	}
	d.claim("objection", "the person who objected got the newsletter", slices.Contains(newsletter, address), false)
	d.claim("objection", "the person who objected got the invoice", slices.Contains(invoice, address), true)
	d.claim("objection", "people who got the newsletter (5 withdrew, 1 objected)", len(newsletter), len(d.truth.Newsletter))
	d.claim("objection", "people who got their invoice (all)", len(invoice), people)
	return nil
}

func (d *demo) usableShare(ctx context.Context) error {
	// People are counted in tens, and what fewer than 10 people did waits for the next edition.
	const within = 20
	truth := int64(len(d.truth.Newsletter))
	near := func(u *v1alpha1.UsableShare) bool {
		return u != nil && u.Permitted != nil && *u.Permitted > truth-within && *u.Permitted < truth+within
	}
	var p v1alpha1.DataPurpose
	err := d.Until(ctx, 30*time.Second, "the usable share is the truth", func(ctx context.Context) (bool, error) {
		if err := d.Client.Get(ctx, client.ObjectKey{Name: "newsletter"}, &p); err != nil {
			return false, err
		}
		return near(p.Status.UsableShare), nil
	})
	if err != nil && p.Status.UsableShare == nil {
		return err
	}
	d.claim("usable share", "people whom the newsletter may reach, in DataPurpose status, are the truth to within 20", near(p.Status.UsableShare), true)
	d.note("usable share", "newsletter", p.Status.UsableShare.Share)
	var list v1alpha1.SidecarConfigList
	err = d.Until(ctx, 30*time.Second, "every sidecar is in sync", func(ctx context.Context) (bool, error) {
		if err := d.List(ctx, &list, client.InNamespace("marketing")); err != nil {
			return false, err
		}
		for i := range list.Items {
			if s := list.Items[i].Status; s.InSync != s.Running {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for i := range list.Items {
		if c := &list.Items[i]; c.Status.Running > 0 {
			d.claim("in sync", "sidecars of "+c.Spec.Workload.String()+" that run its newest bundle", c.Status.Ready, "1/1")
		}
	}
	return nil
}

func (d *demo) memory(ctx context.Context) error {
	for _, x := range []struct {
		what, namespace string
		labels          map[string]string
		port            int
	}{
		{"manager", "optup-system", map[string]string{"app.kubernetes.io/component": "manager"}, 8080},
		{"ledger (10,000 people)", "consent", map[string]string{"consent.optup.dev/ledger": "main"}, 8081},
		{"one sidecar (dashboard's)", "marketing", road.App("dashboard"), 15020},
	} {
		p, err := d.Pod(ctx, x.namespace, x.labels)
		if err != nil {
			return err
		}
		bytes, err := d.Resident(ctx, p, x.port)
		if err != nil {
			return fmt.Errorf("%s: %w", x.what, err)
		}
		d.note("memory", x.what+", resident MiB", bytes>>20)
	}
	return nil
}
