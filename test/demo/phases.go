package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/optup/optup/internal/shop"
	"github.com/optup/optup/test/road"
)

const (
	newsletterTemplate = "d-newsletter"
	invoiceTemplate    = "d-invoice"
)

// shop brings the shop up, as its makers deliver it.
func (d *demo) shop(ctx context.Context) error {
	if err := d.Apply(ctx, d.Manifest("00-namespaces.yaml"), d.Manifest("crm.yaml"), d.Manifest("esp.yaml"), d.Manifest("dashboard.yaml"), d.Manifest("ticker.yaml")); err != nil {
		return err
	}
	var list bytes.Buffer
	if err := shop.WriteAddressees(&list, d.people); err != nil {
		return err
	}
	c := &corev1.ConfigMap{Data: map[string]string{"addressees.csv": list.String()}}
	c.Namespace, c.Name = "marketing", "lists"
	if err := d.Create(ctx, c); err != nil {
		return err
	}
	for _, x := range [][2]string{{"crm", "crm"}, {"esp", "esp"}, {"marketing", "dashboard"}, {"marketing", "ticker"}} {
		if err := d.Ready(ctx, x[0], x[1]); err != nil {
			return err
		}
	}
	return nil
}

// campaigns sends newsletter and invoices with a mail service that has forgotten everything, and gives who got which.
func (d *demo) campaigns(ctx context.Context) (newsletter, invoice []string, err error) {
	esp, err := d.Pod(ctx, "esp", road.App("esp"))
	if err != nil {
		return nil, nil, err
	}
	if err := d.Tell(ctx, esp, 8081, "/reset", struct{}{}); err != nil {
		return nil, nil, err
	}
	for _, job := range []string{"campaign", "invoice"} {
		out, err := d.RunJob(ctx, job)
		if err != nil {
			return nil, nil, err
		}
		fmt.Printf("    %s\n", lastLine(out))
	}
	if newsletter, err = d.mailed(ctx, esp, newsletterTemplate); err == nil {
		invoice, err = d.mailed(ctx, esp, invoiceTemplate)
	}
	return newsletter, invoice, err
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func (d *demo) mailed(ctx context.Context, esp *corev1.Pod, template string) ([]string, error) {
	var got struct {
		People []string `json:"people"`
	}
	err := d.Ask(ctx, esp, 8081, "/people?template="+template, &got)
	return got.People, err
}

type dashboardStats struct {
	Rounds    int            `json:"rounds"`
	People    int            `json:"people"`
	Fields    map[string]int `json:"fields"`
	LastError string         `json:"lastError"`
}

// dashboard gives what the dashboard sees after at least two more rounds.
func (d *demo) dashboard(ctx context.Context) (dashboardStats, []string, error) {
	var s dashboardStats
	var seen struct {
		People []string `json:"people"`
	}
	p, err := d.Pod(ctx, "marketing", road.App("dashboard"))
	if err != nil {
		return s, nil, err
	}
	first := -1
	err = d.Until(ctx, time.Minute, "the dashboard has read everybody twice", func(ctx context.Context) (bool, error) {
		if err := d.Ask(ctx, p, 8081, "/stats", &s); err != nil {
			return false, err
		}
		if first < 0 {
			first = s.Rounds
		}
		return s.Rounds >= first+2, nil
	})
	if err == nil {
		err = d.Ask(ctx, p, 8081, "/people", &seen)
	}
	return s, seen.People, err
}

func (d *demo) ungoverned(ctx context.Context) error {
	newsletter, invoice, err := d.campaigns(ctx)
	if err != nil {
		return err
	}
	s, _, err := d.dashboard(ctx)
	if err != nil {
		return err
	}
	d.claim("ungoverned", "people who got the newsletter (everybody)", len(newsletter), people)
	d.claim("ungoverned", "people who got their invoice", len(invoice), people)
	d.claim("ungoverned", "people whom the dashboard shows (everybody)", s.People, people)
	d.claim("ungoverned", "fields that the dashboard reads", strings.Join(slices.Sorted(maps.Keys(s.Fields)), ","), "birthday,email,health,id,name,orders,score")
	return nil
}

// declare writes down what the shop may do, and imports what people agreed to.
func (d *demo) declare(ctx context.Context) error {
	if err := d.Apply(ctx, d.Manifest("policies.yaml")); err != nil {
		return err
	}
	err := d.Until(ctx, 2*time.Minute, "the ledger serves", func(ctx context.Context) (bool, error) {
		var set appsv1.StatefulSet
		err := d.Client.Get(ctx, types.NamespacedName{Namespace: "consent", Name: "main-ledger"}, &set)
		return err == nil && set.Status.ReadyReplicas == 1, err
	})
	if err != nil {
		return err
	}
	ledger, err := d.OpenLedger(ctx)
	if err != nil {
		return err
	}
	defer ledger.Close()
	var csv bytes.Buffer
	rows := shop.Consents(seed, people)
	if err := shop.WriteConsents(&csv, rows); err != nil {
		return err
	}
	began := time.Now()
	report, err := ledger.Import(ctx, csv.Bytes())
	if err != nil {
		return err
	}
	d.claim("import", "rows of existing consents that the ledger took", fmt.Sprint(report["appended"]), len(rows))
	d.note("import", "rows without evidence, which prove nothing", fmt.Sprint(report["unproven"]))
	d.note("import", "seconds that it took", round(time.Since(began).Seconds()))
	return nil
}

func round(f float64) float64 { return float64(int(f*1000+0.5)) / 1000 }

func (d *demo) observe(ctx context.Context) error {
	before, err := d.apps(ctx)
	if err != nil {
		return err
	}
	if err := d.govern(ctx, "observe", "Observe"); err != nil {
		return err
	}
	newsletter, invoice, err := d.campaigns(ctx)
	if err != nil {
		return err
	}
	s, _, err := d.dashboard(ctx)
	if err != nil {
		return err
	}
	d.claim("observe", "people who got the newsletter (nothing changes)", len(newsletter), people)
	d.claim("observe", "people who got their invoice", len(invoice), people)
	d.claim("observe", "people whom the dashboard shows", s.People, people)
	would, err := d.shownRefused(ctx)
	if err != nil {
		return err
	}
	d.claim("observe", "people a round whom the dashboard would not be shown", would, people-len(d.truth.ProfileView))
	after, err := d.apps(ctx)
	if err != nil {
		return err
	}
	d.claim("observe", "programs' images, arguments and environment are the same as before", after == before, true)
	return nil
}

// govern labels the namespace, and has pods made anew where they have no sidecar yet.
func (d *demo) govern(ctx context.Context, label, mode string) error {
	if err := d.Label(ctx, "marketing", label); err != nil {
		return err
	}
	for _, app := range []string{"dashboard", "ticker"} {
		p, err := d.Pod(ctx, "marketing", road.App(app))
		if err != nil {
			return err
		}
		if len(p.Spec.InitContainers) > 0 {
			continue
		}
		if err := d.Restart(ctx, "marketing", app); err != nil {
			return err
		}
	}
	return d.Mode(ctx, "marketing", mode)
}

// apps describes what the shop's makers delivered, without anything that was injected.
func (d *demo) apps(ctx context.Context) (string, error) {
	var out strings.Builder
	for _, app := range []string{"dashboard", "ticker"} {
		p, err := d.Pod(ctx, "marketing", road.App(app))
		if err != nil {
			return "", err
		}
		for _, c := range p.Spec.Containers {
			fmt.Fprintln(&out, c.Name, c.Image, c.Command, c.Args, c.Env)
		}
	}
	return out.String(), nil
}

type sidecarSummary struct {
	Purposes map[string]struct {
		Requests        map[string]int `json:"requests"`
		PeoplePermitted int            `json:"peoplePermitted"`
		PeopleRefused   int            `json:"peopleRefused"`
	} `json:"purposes"`
}

// shownRefused is how many people a round of the dashboard would be refused, from the sidecar's own count.
func (d *demo) shownRefused(ctx context.Context) (int, error) {
	p, err := d.Pod(ctx, "marketing", road.App("dashboard"))
	if err != nil {
		return 0, err
	}
	var s sidecarSummary
	if err := d.Ask(ctx, p, 15020, "/summary", &s); err != nil {
		return 0, err
	}
	x := s.Purposes["profile-view"]
	all := x.PeoplePermitted + x.PeopleRefused
	if all == 0 {
		return 0, nil
	}
	return int(float64(x.PeopleRefused)*people/float64(all) + 0.5), nil
}

func (d *demo) enforce(ctx context.Context) error {
	if err := d.govern(ctx, "enforce", "Enforce"); err != nil {
		return err
	}
	newsletter, invoice, err := d.campaigns(ctx)
	if err != nil {
		return err
	}
	s, shown, err := d.dashboard(ctx)
	if err != nil {
		return err
	}
	d.claim("enforce", "people who got the newsletter", len(newsletter), len(d.truth.Newsletter))
	d.claim("enforce", "of them, people who had not agreed", outside(newsletter, d.truth.Newsletter), 0)
	d.claim("enforce", "people who got their invoice (all)", len(invoice), people)
	d.claim("enforce", "people whom the dashboard shows", s.People, len(d.truth.ProfileView))
	d.claim("enforce", "of them, people who had not agreed", outside(shown, d.truth.ProfileView), 0)
	d.claim("enforce", "fields that the dashboard reads (health, birthday and the undeclared score are gone)", strings.Join(slices.Sorted(maps.Keys(s.Fields)), ","), "email,id,name,orders")
	return nil
}

func outside(got []string, allowed map[string]bool) int {
	n := 0
	for _, a := range got {
		if !allowed[a] {
			n++
		}
	}
	return n
}
