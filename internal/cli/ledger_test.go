package cli

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/problem"
)

// open opens a ledger as a subject.
func open(t *testing.T, l *ledgertest.Ledger, subject string) *Ledger {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(l.Token(subject, "pod-1", time.Hour)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := OpenLedger(LedgerOptions{URL: l.URL, TokenFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

const csvHeader = "identifier_type,identifier,event,purpose,notice,at,touchpoint,proof,evidence,channel,goods,objection_notice,scope\n"

func TestImportWithdrawObjectAndLookUp(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	touchpoint, officer := open(t, l, ledgertest.Touchpoint), open(t, l, ledgertest.Officer)
	file := csvHeader + "email,anna@example.org,given,newsletter,newsletter-v1,2024-05-01,,MailboxConfirmed,archive/1,,,,\nemail,bert@example.org,given,news,newsletter-v1,,,,,,,,\n"
	dry, err := touchpoint.Import(t.Context(), strings.NewReader(file), "k", true)
	if err != nil || !dry.DryRun || dry.Appended != 2 || dry.Unproven != 1 || dry.Position != 0 || len(dry.Unknown) != 1 {
		t.Fatalf("%+v, %v", dry, err)
	}
	for _, want := range []Imported{{Appended: 2}, {Replayed: 2}} {
		got, err := touchpoint.Import(t.Context(), strings.NewReader(file), "k", false)
		if err != nil || got.Appended != want.Appended || got.Replayed != want.Replayed || got.Position != 2 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	anna := ledgertest.Email("anna@example.org")
	decision := func() string {
		p, err := officer.Lookup(t.Context(), anna)
		if err != nil || !p.Known || len(p.Decisions) != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		return p.Decisions[0].Reason
	}
	if got := decision(); got != "OK_CONSENT" {
		t.Error(got)
	}
	a, err := touchpoint.Append(t.Context(), []consent.Identifier{anna}, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
	if err != nil || a.Position != 3 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := decision(); got != "WITHDRAWN" {
		t.Error(got)
	}
	a, err = officer.Append(t.Context(), []consent.Identifier{anna}, consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll})
	if err != nil || a.Position != 4 {
		t.Fatalf("%+v, %v", a, err)
	}
	if p, err := officer.Lookup(t.Context(), anna); err != nil || p.Record == nil || len(p.Record.Objections) != 2 { // taking back a purpose is one to it
		t.Errorf("%+v, %v", p, err)
	}
	h, err := touchpoint.Head(t.Context())
	if err != nil || h.Position != 4 || h.Controller != ledgertest.Controller {
		t.Errorf("%+v, %v", h, err)
	}
	p, err := officer.Lookup(t.Context(), ledgertest.Email("nobody@example.org"))
	if err != nil || p.Known {
		t.Errorf("%+v, %v", p, err)
	}
	var out bytes.Buffer
	p, _ = officer.Lookup(t.Context(), anna)
	if err := errors.Join(PrintPerson(&out, p), PrintImported(&out, dry), PrintHead(&out, h), PrintAppended(&out, a)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"grant at 1: newsletter, withdrawn", "objection at 4: all", "WITHDRAWN", "nothing was appended", "purpose news"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "anna") {
		t.Errorf("the person is printed:\n%s", out.String())
	}
}

func TestARefusalSaysWhyAndNeverWho(t *testing.T) {
	l := ledgertest.New(t).Start()
	touchpoint, reader := open(t, l, ledgertest.Touchpoint), open(t, l, ledgertest.Reader)
	_, malformed := touchpoint.Import(t.Context(), strings.NewReader(csvHeader+"email,anna at home,given,newsletter,newsletter-v1,,,,,,,,\n"), "", false)
	_, forbidden := reader.Lookup(t.Context(), ledgertest.Email("anna@example.org"))
	for status, err := range map[int]error{422: malformed, 403: forbidden} {
		var p *problem.Problem
		if !errors.As(err, &p) || p.Status != status {
			t.Errorf("%d: %v", status, err)
			continue
		}
		var out bytes.Buffer
		if err := PrintProblem(&out, p); err != nil || strings.Contains(out.String(), "anna") {
			t.Errorf("%s, %v", out.String(), err)
		}
		if status == 422 && !strings.Contains(out.String(), "line 2, identifier: ") {
			t.Error(out.String())
		}
	}
}

// TestTokensAndPeopleStayWithTheLedger: neither goes over a network in the clear, nor to whom a ledger is said to have moved.
func TestTokensAndPeopleStayWithTheLedger(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://main-ledger.consent.svc:8443": true, "http://127.0.0.1:8443": true, "http://[::1]:8443": true, "http://localhost:8443": true,
		"http://main-ledger.consent.svc:8443": false, "http://10.0.0.1": false, "http://localhost.example.org": false, "ftp://127.0.0.1": false, "main-ledger": false, "": false,
	} {
		if _, err := OpenLedger(LedgerOptions{URL: address, TokenFile: "token"}); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer moved.Close()
	x, err := newLedger(moved.URL, nil, nil, func() (string, error) { return "token", nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Lookup(t.Context(), ledgertest.Email("anna@example.org")); err == nil || reached || strings.Contains(err.Error(), "anna") {
		t.Errorf("reached: %t, %v", reached, err)
	}
}

func TestAnAuthorityThatIsNoneIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLedger(LedgerOptions{URL: "https://x", TokenFile: "token", TrustFile: file}); err == nil {
		t.Error("the system's authorities would count")
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	x, err := newLedger(server.URL, nil, nil, func() (string, error) { return "token", nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Head(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a ledger of an unknown authority: %v", err)
	}
}
