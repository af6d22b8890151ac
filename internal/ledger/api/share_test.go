package api_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
)

type shares struct {
	Position int64
	People   *int64
	Shares   []struct {
		Purpose               string
		Permitted, Population *int64
		Share                 string
	}
}

func read(t testing.TB, l *ledgertest.Ledger) (s shares) {
	t.Helper()
	status, body := l.Do(ledgertest.Reader, "GET", "/v1/usable-share", "")
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func text(n *int64) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}

func TestUsableShare(t *testing.T) {
	for name, c := range map[string]struct {
		given, withdrawn, population           int
		people, permitted, populationAs, share string
	}{
		"nobody":                                 {0, 0, 0, "none", "none", "none", "<10 people"},
		"a few people are no figure":             {9, 0, 0, "none", "none", "none", "<10 people"},
		"a small cell of many is no figure":      {20, 11, 0, "20", "none", "20", "<10 people"},
		"ten are a figure":                       {10, 0, 0, "10", "10", "10", "100.0%"},
		"who takes back is out":                  {20, 10, 0, "20", "10", "20", "50.0%"},
		"those who were never asked count":       {10, 0, 40, "10", "10", "40", "25.0%"},
		"more people than were declared":         {20, 0, 15, "20", "20", "20", "100.0%"},
		"a large population does not show a few": {5, 0, 1000, "none", "none", "1000", "<10 people"},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t)
			l.Bundle.Store(ledgertest.NewBundle("newsletter"))
			if c.population > 0 {
				l.Configure(map[string]any{"population": map[string]any{"sources": []any{map[string]any{"name": "crm", "people": c.population}}}})
			}
			l.Start()
			for n := range c.given {
				l.Append(fmt.Sprintf("p%d@example.org", n), ledgertest.Given("newsletter"))
			}
			for n := range c.withdrawn {
				l.Append(fmt.Sprintf("p%d@example.org", n), ledgertest.Withdrawn("newsletter"))
			}
			s := read(t, l)
			got := []string{text(s.People), text(s.Shares[0].Permitted), text(s.Shares[0].Population), s.Shares[0].Share}
			want := []string{c.people, c.permitted, c.populationAs, c.share}
			if fmt.Sprint(got) != fmt.Sprint(want) || s.Position != int64(c.given+c.withdrawn) {
				t.Fatalf("position %d, people, permitted, population, share %v, want %v", s.Position, got, want)
			}
		})
	}
}

func TestUsableShareWithoutABundle(t *testing.T) {
	l := ledgertest.New(t).Start()
	if status, body := l.Do(ledgertest.Reader, "GET", "/v1/usable-share", ""); status != 503 {
		t.Fatalf("%d %s", status, body)
	}
	b := ledgertest.NewBundle("service-mail")
	b.Purposes[0].Grounds, b.Purposes[0].Proofs = []ir.Ground{ir.GroundLegitimateInterest}, nil
	l.Bundle.Store(b)
	l.Configure(map[string]any{"population": 50})
	if s := read(t, l); s.Shares[0].Share != "100.0%" {
		t.Fatalf("who was never seen has not objected: %+v", s)
	}
}

// BenchmarkUsableShare counts 10,000 people anew each time; the answer is asked for within 200 ms.
func BenchmarkUsableShare(b *testing.B) {
	const people = 10_000
	l := ledgertest.New(b)
	l.Start()
	var batch []store.Append
	for n := range people {
		tags, err := l.Keys.Tags(ledgertest.Email(fmt.Sprintf("p%d@example.org", n)))
		if err != nil {
			b.Fatal(err)
		}
		batch = append(batch, store.Append{Identities: []store.Identity{{Tags: tags}}, Event: ledgertest.Given("newsletter")})
	}
	if _, _, err := l.Store.Append(b.Context(), batch...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l.Bundle.Store(ledgertest.NewBundle("newsletter", "profiling", "survey")) // another bundle, so nothing is given again
		if s := read(b, l); text(s.People) != fmt.Sprint(people) || s.Shares[0].Share != "100.0%" {
			b.Fatalf("%s people, %+v", text(s.People), s.Shares)
		}
	}
}
