package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/explain"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/wire"
)

func TestADecisionIsExplainedByItsID(t *testing.T) {
	l := ledgertest.New(t).Start()
	tags, err := l.Keys.Tags(ledgertest.Email("anna@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	tag := wire.Tag(tags[0])
	d := wire.Decided{
		ID: wire.NewDecisionID(time.Now(), 1, 2), At: time.Now(), Effect: "permit-filtered", Reason: "NOT_PERMITTED", Mode: "Enforce", Purpose: "newsletter",
		Policies: []string{"shop/mail/newsletter"}, Service: "shop/esp", Endpoint: "send", Party: "Mail GmbH", Generation: 12, Position: 41, First: 1,
		Uses: []wire.Use{{Tag: &tag, Reason: "OK_CONSENT", Grant: 17}, {Reason: "WITHDRAWN"}},
	}
	for range 1200 {
		d.Uses = append(d.Uses, wire.Use{Reason: "NO_GRANT"})
	}
	raw, err := json.Marshal(wire.Uses{Version: 1, ID: "a", Decisions: []wire.Decided{d}})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := l.Do(ledgertest.Sidecar, "POST", "/v1/uses", string(raw), wire.GrantHeader, l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter")); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if !IsDecisionID(d.ID.String()) || IsDecisionID("test/corpus") {
		t.Error("ids are not told from folders")
	}
	got, err := open(t, l, ledgertest.Officer).Decision(t.Context(), d.ID.String())
	if err != nil || len(got.People) != 1202 || got.People[0].Grant != 17 || got.People[1].Gate != decide.GateGrant || got.People[1].Result != explain.Failed {
		t.Fatalf("%d people, %v", len(got.People), err)
	}
	var out bytes.Buffer
	if err := PrintDecision(&out, got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PERMIT-FILTERED", "shop/Deployment/mailer", "shop/mail/newsletter", "generation  12", "position    41", "Mail GmbH", "Person 2", "[WITHDRAWN", "grant at position 17",
		"1182  NO_GRANT",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "anna") {
		t.Error("a person is named")
	}
	uses, err := open(t, l, ledgertest.Officer).Uses(t.Context(), ledgertest.Email("anna@example.org"), 10)
	if err != nil || len(uses.Uses) != 1 || !uses.Uses[0].Used {
		t.Errorf("%+v, %v", uses, err)
	}
	var p *problem.Problem
	if _, err := open(t, l, ledgertest.Reader).Decision(t.Context(), d.ID.String()); !errors.As(err, &p) || p.Status != 403 {
		t.Errorf("a reader: %v", err)
	}
}
