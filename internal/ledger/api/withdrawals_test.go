package api_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

func TestLinksWithWhichPeopleWithdraw(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/people/withdrawal-links",
		`{"purpose":"newsletter","addresses":["ada@example.org","nobody@example.org","ada@example.org"]}`)
	var out struct {
		Post  string   `json:"listUnsubscribePost"`
		Links []string `json:"links"`
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 || out.Post != "List-Unsubscribe=One-Click" || len(out.Links) != 3 {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	if strings.Contains(body, "ada") || len(out.Links[0]) != len(out.Links[1]) || out.Links[0] == out.Links[2] {
		t.Error("links tell who is known, or repeat themselves")
	}
	u, err := url.Parse(out.Links[0])
	if err != nil || u.Host != "consent.shop.example" || u.Path != "/withdraw" {
		t.Fatalf("%v, %v", u, err)
	}
	if err := l.Confirm.Withdraw(t.Context(), u.Query().Get("token")); err != nil {
		t.Fatal(err)
	}
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := l.Store.Lookup(t.Context(), tags[0]); err != nil || r.Grants[0].Status != consent.StatusWithdrawn {
		t.Fatalf("%+v, %v", r, err)
	}
	many := `["a@example.org"` + strings.Repeat(`,"a@example.org"`, 1000) + `]`
	for name, c := range map[string]struct {
		who, body string
		status    int
	}{
		"a purpose of nobody":       {ledgertest.Touchpoint, `{"purpose":"newsleter","addresses":["ada@example.org"]}`, 422},
		"no purpose":                {ledgertest.Touchpoint, `{"addresses":["ada@example.org"]}`, 422},
		"no address":                {ledgertest.Touchpoint, `{"purpose":"newsletter","addresses":[]}`, 422},
		"something else":            {ledgertest.Touchpoint, `{"purpose":"newsletter","addresses":["ada@example.org","+49301234567"]}`, 422},
		"too many at once":          {ledgertest.Touchpoint, `{"purpose":"newsletter","addresses":` + many + `}`, 422},
		"who may read shares":       {ledgertest.Reader, `{"purpose":"newsletter","addresses":["ada@example.org"]}`, 403},
		"who is nobody":             {"", `{"purpose":"newsletter","addresses":["ada@example.org"]}`, 401},
		"the data officer may, too": {ledgertest.Officer, `{"purpose":"newsletter","addresses":["ada@example.org"]}`, 200},
	} {
		if status, body := l.Do(c.who, "POST", "/v1/people/withdrawal-links", c.body); status != c.status {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if strings.Contains(l.Log.String(), "token") {
		t.Error("the log holds a link")
	}
}
