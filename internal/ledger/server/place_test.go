package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/ledger/smtp"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/token"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/testkit/mailpit"
)

const (
	shop = "Example Shop GmbH"
	ann  = "ann.seeded@shop.example"
)

// place is a whole ledger with its pages, a mail server, and a shop with a form on a page of its own.
type place struct {
	*server.Ledger
	t      *testing.T
	URL    string
	Shop   string
	log    *ledgertest.Log
	mails  *mailpit.Server
	links  *confirm.Service
	bundle *ir.Bundle
	data   string
}

// words is a bundle in which the newsletter is asked for first, and evaluation of reactions next.
func words(form string) *ir.Bundle {
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "shop", Workload: "ConsentLedger/main", Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny},
		FreshnessBoundMillis: 30_000,
	}
	for _, p := range []struct {
		id          consent.PurposeID
		de, en      string
		what        ir.Processing
		channels    []consent.Channel
		deOf, enOf  string
		deAll, enAl string
	}{
		{
			"newsletter", "Newsletter", "Newsletter", ir.ProcessingSend,
			[]consent.Channel{consent.ChannelEmail},
			"Neuigkeiten und Angebote per E-Mail.", "News and offers by e-mail.",
			"Ich möchte Neuigkeiten und Angebote der Example Shop GmbH per E-Mail erhalten. Das kann ich jederzeit widerrufen.",
			"I would like to receive news and offers of Example Shop GmbH by e-mail. I can withdraw this at any time.",
		},
		{
			"profiling", "Auswertung von Öffnungen und Klicks", "Evaluation of opens and clicks", ir.ProcessingProfile, nil,
			"Damit der Newsletter zeigt, was Sie interessiert.", "So that the newsletter shows what interests you.",
			"Die Example Shop GmbH darf auswerten, welche E-Mails ich öffne und welche Links ich anklicke.", "Example Shop GmbH may evaluate which mails I open and which links I click.",
		},
	} {
		b.Purposes = append(b.Purposes, ir.Purpose{
			Name: p.id, Controller: shop, Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{p.what}, Channels: p.channels,
			Objection: ir.ObjectionDirectMarketing, Proofs: []consent.Proof{consent.ProofMailboxConfirmed},
			Labels: []ir.Label{{Language: "de", Title: p.de, Description: p.deOf}, {Language: "en", Title: p.en, Description: p.enOf}},
		})
		b.Notices = append(b.Notices, ir.Notice{
			Name: consent.NoticeID(p.id) + "-v1", Series: string(p.id), Version: 1, Controller: shop, Purposes: []consent.PurposeID{p.id}, Processing: []ir.Processing{p.what},
			Channels: p.channels, Texts: []ir.Text{ir.TextOf("de", p.deAll), ir.TextOf("en", p.enAl)},
		})
	}
	for name, at := range map[string]ir.Place{"newsletter": ir.PlaceWebForm, "account": ir.PlaceAccount} {
		b.Touchpoints = append(b.Touchpoints, ir.Touchpoint{
			Name: "shop/" + name, Controller: shop, Place: at, URL: form, OptIn: []consent.NoticeID{"newsletter-v1"},
			Ladder: []ir.LadderStep{{Notice: "profiling-v1", After: []consent.NoticeID{"newsletter-v1"}}}, CoolDownDays: 180, DeferDays: 14,
			Confirmation: &ir.Confirmation{Proof: consent.ProofMailboxConfirmed, ValidForHours: 48, AgainAfterHours: 24},
		})
	}
	return b
}

const shopPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title><meta name="viewport" content="width=device-width"></head><body><main>
<h1>Our newsletter</h1><div id="newsletter"><a href="%[1]s/forms/shop/newsletter">Our newsletter</a></div>
<script src="%[1]s/form.js" data-touchpoint="shop/newsletter" data-into="#newsletter" defer></script></main></body></html>`

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{t: t, log: &ledgertest.Log{}, mails: mailpit.Start(t, mailpit.Options{}), data: filepath.Join(dir, "data")}
	log := slog.New(slog.NewJSONHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config, err := json.Marshal(map[string]any{"controller": shop})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.Open(access.Options{ConfigFile: filepath.Join(dir, "config.json"), Now: time.Now, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	if p.Ledger, err = server.Open(t.Context(), server.Options{Data: p.data, Root: keys.NewRoot(), Guard: guard, Now: time.Now, Logger: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })

	shopServer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src %[1]s; connect-src %[1]s", p.URL))
		_, _ = fmt.Fprintf(w, shopPage, p.URL)
	}))
	t.Cleanup(shopServer.Close)
	p.Shop = shopServer.URL + "/newsletter"
	p.bundle = words(p.Shop)
	if err := ir.Validate(p.bundle); err != nil {
		t.Fatal(err)
	}
	inForce := func() *ir.Bundle { return p.bundle }

	people := httptest.NewUnstartedServer(nil)
	base := &url.URL{Scheme: "https", Host: people.Listener.Addr().String()}
	if p.links, err = p.Confirming(base, inForce); err != nil {
		t.Fatal(err)
	}
	served, err := p.Pages(server.Public{Confirm: p.links, Confirmer: server.Confirmer{Service: p.links}, Bundle: inForce})
	if err != nil {
		t.Fatal(err)
	}
	people.Config = served
	people.StartTLS()
	t.Cleanup(people.Close)
	p.URL = people.URL

	sender, err := smtp.New(smtp.Options{Server: p.mails.SMTP, TLS: smtp.None, From: "Example Shop <consent@shop.example>"})
	if err != nil {
		t.Fatal(err)
	}
	box := &confirm.Outbox{Service: p.links, Sender: sender, Observe: func(confirm.Outcome) {}, Every: 50 * time.Millisecond}
	done := make(chan error, 1)
	go func() { done <- box.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p
}

// asked fills in the form on the ledger's page for a new address, and gives the link of the message that asks for confirmation.
func (p *place) asked(lang string) string {
	p.t.Helper()
	who := "somebody.seeded." + lang + "@shop.example"
	p.post("/forms/shop/newsletter/answers", url.Values{"address": {who}, "given": {"newsletter newsletter-v1"}, "lang": {lang}})
	return p.mailedTo(who, "")
}

// opened asks for a link to the person's page.
func (p *place) opened(lang string) string {
	p.t.Helper()
	link, err := p.links.Tokens.Seal(token.Token{Kind: token.Page, Tags: p.tags(), Language: lang, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.URL + "/open?token=" + link
}

func (p *place) tags() []consent.Tag {
	p.t.Helper()
	tags, err := p.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: ann})
	if err != nil {
		p.t.Fatal(err)
	}
	return tags
}

func (p *place) post(path string, form url.Values) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := (&http.Client{Transport: insecure}).Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s gave %d", path, res.StatusCode)
	}
}

var inMail = regexp.MustCompile(`https://[^\s"<>]+token=[^\s"<>]+`)

// mailed waits for a message with a subject, and gives the link in it.
func (p *place) mailed(subject string) string { p.t.Helper(); return p.mailedTo(ann, subject) }

func (p *place) mailedTo(who, subject string) string {
	p.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for time.Now().Before(end) {
		for _, m := range p.mails.Mails(p.t, who) {
			if strings.HasPrefix(m.Subject, subject) {
				link := inMail.FindString(m.Text)
				if !strings.HasPrefix(link, p.URL+"/") {
					p.t.Fatalf("the message links to %q:\n%s", link, m.Text)
				}
				return link
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("no message %q arrived", subject)
	return ""
}

func (p *place) record() *consent.Record {
	p.t.Helper()
	tags, err := p.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: ann})
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := p.Store.Lookup(p.t.Context(), tags[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// status is that of the newest grant for a purpose; empty for none.
func (p *place) status(purpose consent.PurposeID) consent.Status {
	p.t.Helper()
	status := consent.Status("")
	for _, g := range p.record().Grants {
		if g.Purpose == purpose {
			status = g.Status
		}
	}
	return status
}

// fetch opens a link as a mail scanner does.
func (p *place) fetch(link string) {
	p.t.Helper()
	client := &http.Client{Transport: insecure}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		r, err := http.NewRequestWithContext(p.t.Context(), method, link, http.NoBody)
		if err != nil {
			p.t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			p.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

// nobody tells that the person is in no log and in no file of the database.
func (p *place) nobody() {
	p.t.Helper()
	log := p.log.String()
	if strings.Contains(log, "ann.seeded") || strings.Contains(log, "token=") {
		p.t.Errorf("a person, or a link, is in the log:\n%s", log)
	}
	files, err := filepath.Glob(filepath.Join(p.data, "*"))
	if err != nil || len(files) == 0 {
		p.t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.Contains(string(raw), "ann.seeded") {
			p.t.Errorf("a person is in %s", filepath.Base(f))
		}
	}
}

var decisions byte

// used reports what a mailer did with the person's data.
func (p *place) used(d wire.Decided, reason string) {
	p.t.Helper()
	decisions++
	tags, err := p.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: ann})
	if err != nil {
		p.t.Fatal(err)
	}
	tag := wire.Tag(tags[0])
	d.ID, d.At, d.First, d.Uses = wire.DecisionID{0, decisions}, time.Now(), 1, []wire.Use{{Tag: &tag, Reason: reason}}
	if _, err := p.Store.RecordUses(p.t.Context(), store.UseBatch{Key: d.ID.String(), Namespace: "marketing", Workload: "Deployment/mailer", Decisions: []wire.Decided{d}}); err != nil {
		p.t.Fatal(err)
	}
}
