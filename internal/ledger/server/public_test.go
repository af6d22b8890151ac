package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/testkit/browser"
)

// TestFromTheFormToTheWithdrawal is the whole way of one person, in a browser, by keyboard, with mails that a server took.
func TestFromTheFormToTheWithdrawal(t *testing.T) {
	p := newPlace(t)
	form := browser.New(t, browser.Options{Scripts: true})
	form.Go(p.Shop)
	form.Wait(`document.querySelector("form.optup-form")`)
	form.Tab("Your e-mail address")
	form.Type(ann)
	form.Tab("Newsletter")
	form.Press(" ")
	form.Tab("Send")
	form.Press(kb.Enter)
	form.Wait(`document.body.innerText.includes("Please confirm there")`)
	if s := p.status("newsletter"); s != consent.StatusPending {
		t.Fatalf("after the form the grant is %q", s)
	}

	// The message arrives, and scanners fetch its link before anybody reads it.
	link := p.mailed("Please confirm")
	p.fetch(link)
	if s := p.status("newsletter"); s != consent.StatusPending {
		t.Fatalf("after a scanner the grant is %q", s)
	}
	b := browser.New(t, browser.Options{})
	b.Go(link)
	if text := b.Text(); b.URL() != p.URL+"/confirm" || !strings.Contains(text, p.bundle.Notices[0].Texts[1].Text) {
		t.Fatalf("the link shows %s:\n%s", b.URL(), text)
	}
	b.Enter("Yes, I agree to this")
	if s := p.status("newsletter"); s != consent.StatusGiven {
		t.Fatalf("after the confirmation the grant is %q:\n%s", s, b.Text())
	}

	// Her own page.
	b.Go(p.URL + "/")
	b.Tab("Your e-mail address")
	b.Type(ann)
	b.Enter("Send me a link")
	link = p.mailed("Your link")
	p.fetch(link)
	b.Go(link)
	b.Enter("Open my page")
	if text := b.Text(); b.URL() != p.URL+"/person" || !strings.Contains(text, p.bundle.Notices[0].Texts[1].Text) || !strings.Contains(text, "confirmed by a link to your mailbox") {
		t.Fatalf("her page shows %s:\n%s", b.URL(), text)
	}
	b.Enter("I agree: Evaluation of opens and clicks")
	if s := p.status("profiling"); s != consent.StatusGiven {
		t.Errorf("after widening the grant is %q:\n%s", s, b.Text())
	}
	if g := p.record().Grants; g[1].WidenedFrom != g[0].Position || g[1].Proof != consent.ProofMailboxConfirmed || g[1].Touchpoint != "shop/account" {
		t.Errorf("the grants are %+v", g)
	}
	b.Enter("Take back: Newsletter")
	if s := p.status("newsletter"); s != consent.StatusWithdrawn {
		t.Errorf("after taking back the grant is %q:\n%s", s, b.Text())
	}
	if text := b.Text(); !strings.Contains(text, "Your consent is taken back.") || !strings.Contains(text, "Ended consents (1)") {
		t.Errorf("the page says:\n%s", text)
	}

	// The link is spent, and says what any link says that is none.
	b.Go(link)
	b.Enter("Open my page")
	spent := b.Text()
	b.Go(p.URL + "/open?token=unknown-token-0000000000")
	if unknown := b.Text(); !strings.Contains(spent, "does not count any more") || spent != unknown {
		t.Errorf("a spent link says:\n%s\nand an unknown one:\n%s", spent, unknown)
	}
	for _, window := range []*browser.Browser{form, b} {
		for _, r := range window.Requests() {
			if strings.Contains(r, "ann.seeded") || strings.Contains(r, "%40") {
				t.Errorf("a person is in an address: %s", r)
			}
		}
		for _, r := range window.Reports() {
			t.Errorf("the browser reports: %s", r)
		}
	}
	p.nobody()
}

// TestThisWasNotMe: somebody typed in another's address, and another's withdrawal link works by one click.
func TestThisWasNotMe(t *testing.T) {
	p := newPlace(t)
	b := browser.New(t, browser.Options{Languages: "de"})
	b.Go(p.URL + "/forms/shop/newsletter")
	b.Tab("Ihre E-Mail-Adresse")
	b.Type(ann)
	b.Tab("Newsletter")
	b.Press(" ")
	b.Enter("Absenden")
	if text := b.Text(); !strings.Contains(text, "Vielen Dank") {
		t.Fatalf("the form says:\n%s", text)
	}
	b.Go(p.mailed("Bitte bestätigen"))
	b.Enter("Das war ich nicht")
	if s := p.status("newsletter"); s != consent.StatusInvalidated || !strings.Contains(b.Text(), "Das waren nicht Sie") {
		t.Errorf("after disowning the grant is %q:\n%s", s, b.Text())
	}
}

func TestOneClickAtARealLedger(t *testing.T) {
	p := newPlace(t)
	tags, err := p.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: ann})
	if err != nil {
		t.Fatal(err)
	}
	given := store.Append{Identities: []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}, Event: consent.Event{
		Type: consent.EventGiven, Purpose: "newsletter", Notice: "newsletter-v1", Proof: consent.ProofMailboxConfirmed, Actor: consent.ActorPerson,
	}}
	if _, refused, err := p.Store.Append(t.Context(), given); err != nil || refused[0] != nil {
		t.Fatal(refused, err)
	}
	link, err := p.links.WithdrawalLink(ann, "newsletter")
	if err != nil {
		t.Fatal(err)
	}
	p.fetch(link)
	if s := p.status("newsletter"); s != consent.StatusGiven {
		t.Fatalf("after a scanner the grant is %q", s)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, link, strings.NewReader(confirm.OneClick))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := (&http.Client{Transport: insecure}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if s := p.status("newsletter"); s != consent.StatusWithdrawn || res.StatusCode != http.StatusOK {
		t.Errorf("one click gave %d, and the grant is %q", res.StatusCode, s)
	}
	// The same link, opened by the person, shows what it takes back.
	b := browser.New(t, browser.Options{})
	b.Go(link)
	if text := b.Text(); !strings.Contains(text, "Newsletter") || !strings.Contains(text, "News and offers by e-mail.") {
		t.Errorf("the link shows:\n%s", text)
	}
	b.Enter("Take my consent back")
	if text := b.Text(); !strings.Contains(text, "Your consent is taken back") {
		t.Errorf("the page says:\n%s", text)
	}
	p.nobody()
}

// TestWhoIsUnknownLooksLikeWhoIsKnown: what a visitor types in gives the same answers, whoever it belongs to.
func TestWhoIsUnknownLooksLikeWhoIsKnown(t *testing.T) {
	p := newPlace(t)
	client := &http.Client{Transport: insecure, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answers := map[string][]string{}
	tags, err := p.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: ann})
	if err != nil {
		t.Fatal(err)
	}
	no := consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll, Actor: consent.ActorPerson}
	if _, refused, err := p.Store.Append(t.Context(), store.Append{Identities: []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}, Event: no}); err != nil || refused[0] != nil {
		t.Fatal(refused, err)
	}
	for _, who := range []string{ann, "never.seen@shop.example"} {
		for _, c := range []struct{ path, kind, body string }{
			{"/link", "application/x-www-form-urlencoded", url.Values{"address": {who}}.Encode()},
			{"/forms/shop/newsletter/answers", "application/x-www-form-urlencoded", url.Values{"address": {who}, "given": {"newsletter newsletter-v1"}}.Encode()},
			{"/v1/forms/shop/newsletter", "application/json", `{"address":"` + who + `","language":"en","given":[{"purpose":"newsletter","notice":"newsletter-v1"}]}`},
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", c.kind)
			r.Header.Set("Origin", pages.OriginOf(p.Shop))
			if c.path != "/v1/forms/shop/newsletter" {
				r.Header.Set("Origin", p.URL)
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			answers[who] = append(answers[who], fmt.Sprint(res.StatusCode, res.Header.Get("Location"), string(text)))
			if res.StatusCode >= 400 {
				t.Errorf("%s gave %d: %s", c.path, res.StatusCode, text)
			}
		}
	}
	if !slices.Equal(answers[ann], answers["never.seen@shop.example"]) {
		t.Errorf("they differ:\n%q\n%q", answers[ann], answers["never.seen@shop.example"])
	}
}
