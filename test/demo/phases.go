package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/internal/shop"
	"github.com/optup/optup/test/road"
)

const (
	newsletterTemplate = "d-newsletter"
	invoiceTemplate    = "d-invoice"
)

// shop brings the shop up, as its makers deliver it.
func (d *demo) shop(ctx context.Context) error { return d.Shop(ctx, d.people) }

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
	if newsletter, err = d.Mailed(ctx, newsletterTemplate); err == nil {
		invoice, err = d.Mailed(ctx, invoiceTemplate)
	}
	return newsletter, invoice, err
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
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
	rows := shop.Consents(seed, people)
	report, took, err := d.Declare(ctx, rows)
	if err != nil {
		return err
	}
	d.claim("import", "rows of existing consents that the ledger took", fmt.Sprint(report["appended"]), len(rows))
	d.note("import", "rows without evidence, which prove nothing", fmt.Sprint(report["unproven"]))
	d.note("import", "seconds that it took", round(took.Seconds()))
	return nil
}

func round(f float64) float64 { return float64(int(f*1000+0.5)) / 1000 }

func (d *demo) observe(ctx context.Context) error {
	before, err := d.apps(ctx)
	if err != nil {
		return err
	}
	if err := d.Govern(ctx, "observe", "Observe"); err != nil {
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
	d.claim("observe", "programs' images, arguments and own environment are the same as before", after == before, true)
	return nil
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
			// Where a runtime looks for authorities is told by the environment; nothing of the shop's own is changed.
			own := slices.DeleteFunc(c.Env, func(e corev1.EnvVar) bool { return strings.Contains(e.Value, "/etc/optup/authorities") })
			fmt.Fprintln(&out, c.Name, c.Image, c.Command, c.Args, own)
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
	if err := d.Govern(ctx, "enforce", "Enforce"); err != nil {
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
	return d.keys(ctx)
}

// keys: the provider's key is with the sidecars alone, so going around them is of no use.
func (d *demo) keys(ctx context.Context) error {
	opens, err := d.Opens(ctx)
	if err != nil {
		return err
	}
	here, err := d.KeyIn(ctx, "marketing")
	if err != nil {
		return err
	}
	there, err := d.KeyIn(ctx, "esp")
	if err != nil {
		return err
	}
	d.claim("enforce", "the API key that marketing's programs hold opens the mail provider", opens, false)
	d.claim("enforce", "objects of marketing that hold the key which does (of the platform team: its Secret)", fmt.Sprintf("%d (%d)", here, there), "0 (1)")
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
