package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
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
		"people are counted in tens":             {29, 10, 35, "20", "10", "30", "33.3%"},
		"who takes back is out":                  {20, 10, 0, "20", "10", "20", "50.0%"},
		"those who were never asked count":       {10, 0, 40, "10", "10", "40", "25.0%"},
		"more people than were declared":         {20, 0, 15, "20", "20", "20", "100.0%"},
		"a large population does not show a few": {5, 0, 1000, "none", "none", "1000", "<10 people"},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t)
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
			l.Bundle.Store(ledgertest.NewBundle("newsletter")) // from now on people are counted
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

func TestPopulation(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("p0@example.org", ledgertest.Given("newsletter"))
	file := "identifier_type,identifier\n"
	for n := range 30 {
		file += fmt.Sprintf("email,p%d@example.org\n", n)
	}
	file += "email, P1@example.org\ncustomer,c-1\n"
	for _, c := range []struct{ path, want string }{
		{"/v1/population?dryRun=true", `{"dryRun":true,"rows":32,"registered":30,"known":2,"position":1}`},
		{"/v1/population", `{"dryRun":false,"rows":32,"registered":30,"known":2,"position":31}`},
		{"/v1/population", `{"dryRun":false,"rows":32,"registered":0,"known":32,"position":31}`},
	} {
		if status, body := l.Do(ledgertest.Touchpoint, "POST", c.path, file); status != 200 || body != c.want+"\n" {
			t.Fatalf("%d %s, want %s", status, body, c.want)
		}
	}
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	if s := read(t, l); text(s.People) != "30" || s.Shares[0].Permitted != nil {
		t.Fatalf("%+v", s)
	}
	for name, c := range map[string]struct {
		subject, path, file string
		status              int
	}{
		"a reader registers nobody":   {ledgertest.Reader, "/v1/population", file, 403},
		"no column of identifiers":    {ledgertest.Touchpoint, "/v1/population", "identifier_type,event\nemail,given\n", 400},
		"an unknown query":            {ledgertest.Touchpoint, "/v1/population?dryrun=1", file, 400},
		"an address that is none":     {ledgertest.Touchpoint, "/v1/population", "identifier_type,identifier\nemail,nobody\n", 422},
		"a line with too many fields": {ledgertest.Touchpoint, "/v1/population", "identifier_type,identifier\nemail,a@example.org,b\n", 422},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := l.Do(c.subject, "POST", c.path, c.file); status != c.status || strings.Contains(body, "example.org") {
				t.Errorf("%d %s, want %d", status, body, c.status)
			}
		})
	}
	if status, body := l.Do(ledgertest.Reader, "GET", "/v1/head", ""); status != 200 || !strings.Contains(body, `"position":31,`) || !strings.Contains(body, `"subscribers":0,"oldestStalenessSeconds":0`) {
		t.Errorf("%d %s", status, body)
	}
}
