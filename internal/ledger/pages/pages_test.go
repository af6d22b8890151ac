package pages_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/pages"
)

// everyPage is what can be asked for with GET, once somebody is signed in and has opened links.
var everyPage = []string{
	"/", "/?why=ended", "/sent", "/confirm", "/open", "/withdraw", "/done/confirmed", "/done/disowned", "/done/withdrawn", "/done/answered",
	"/person", "/person?done=withdraw", "/person/erase", "/person/data", "/person/receipts/7", "/forms/shop/newsletter", "/nothing", "/done/nothing",
	"/v1/forms/shop/newsletter", "/form.js", "/favicon.ico", "/forms/shop/other", "/v1/forms/shop/other", "/person/receipts/8",
}

func TestEveryAnswerKeepsBrowsersHonest(t *testing.T) {
	s := newSite(t)
	s.signIn()
	s.spent = map[string]bool{}
	for _, k := range []pages.LinkKind{pages.LinkConfirm, pages.LinkOpen, pages.LinkWithdraw} {
		s.enter(k)
	}
	answers := []answer{s.post("/link", "address", "nobody"), s.post("/person/act", "act", "withdraw", "position", "9"), s.post("/confirm"), s.post("/nothing")}
	for _, path := range everyPage {
		answers = append(answers, s.get(path))
	}
	for _, a := range answers {
		h := a.Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", a.Request.URL.Path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
			t.Errorf("%s: the policy allows scripts: %q", a.Request.URL.Path, csp)
		}
		if h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", a.Request.URL.Path, h)
		}
		public := a.Request.URL.Path == "/form.js" || a.Request.URL.Path == "/favicon.ico" || a.Request.URL.Path == "/v1/forms/shop/newsletter"
		if !public && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", a.Request.URL.Path, h.Get("Cache-Control"))
		}
		if a.Request.URL.Path == "/form.js" {
			continue
		}
		if strings.Contains(a.text, "<script") || strings.Contains(a.text, " style=") || strings.Contains(a.text, "%!") {
			t.Errorf("%s holds a script, an inline style or a broken text:\n%s", a.Request.URL.Path, a.text)
		}
	}
}

func TestBothLanguages(t *testing.T) {
	s := newSite(t)
	s.signIn()
	for _, path := range everyPage {
		if strings.Contains(path, "/v1/") || strings.Contains(path, ".") || strings.Contains(path, "data") || strings.Contains(path, "receipts/7") {
			continue
		}
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		for _, lang := range []string{"de", "en"} {
			other := map[string]string{"de": "en", "en": "de"}[lang]
			chosen := s.get(path+join+"lang="+lang, "Accept-Language", other)
			preferred := s.get(path, "Accept-Language", lang+"-AT, "+other+";q=0.5")
			for _, a := range []answer{chosen, preferred} {
				if !strings.Contains(a.text, `<html lang="`+lang+`">`) || !strings.Contains(a.text, `hreflang="`+other+`"`) {
					t.Errorf("%s is not in %s, or offers no other language:\n%.600s", a.Request.URL, lang, a.text)
				}
			}
		}
	}
	if a := s.get("/", "Accept-Language", "fr, *;q=0.1"); !strings.Contains(a.text, `<html lang="en">`) {
		t.Error("who speaks neither language does not get English")
	}
	// A choice is kept by links, forms and redirects.
	if a := s.post("/link", "address", address, "lang", "de"); a.Header.Get("Location") != "/sent?lang=de" {
		t.Errorf("the chosen language is lost: %s", a.Header.Get("Location"))
	}
}

// TestLinksAreNotUsedUpByWhoeverFetchesThem: mail scanners and browsers that load ahead fetch links with GET and HEAD, again and again.
// TestLinksThatDoNotCountLookTheSame: unknown, used, of another kind, malformed, or none at all.
// TestPagesOfOtherOriginsChangeNothing: neither with the cookies of the person, nor with a link's.
func TestPagesOfOtherOriginsChangeNothing(t *testing.T) {
	s := newSite(t)
	s.signIn()
	before := s.done()
	seen := s.enter(pages.LinkConfirm)
	foreign := [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "cross-site", "Origin", s.URL[:len(s.URL)-1]},
		{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "", "Origin", "null"},
	}
	for _, header := range foreign {
		for path, body := range map[string]string{
			"/link": "address=" + address, "/confirm": "answer=confirm&seen=" + seen, "/open": "seen=" + seen, "/withdraw": "seen=" + seen,
			"/withdraw?token=" + tokenFor + "withdraw": "List-Unsubscribe=One-Click", "/person/act": "act=erase&position=9", "/leave": "",
			"/forms/shop/newsletter/answers": "address=" + address + "&given=newsletter+newsletter-v1",
		} {
			a := s.send(http.MethodPost, path, body, header...)
			if a.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s of another origin (%v) gave %d", path, header, a.StatusCode)
			}
		}
	}
	if len(s.mails) != 0 || len(s.acts) != 0 || len(s.answers) != 0 || !slices.Equal(s.done(), before) {
		t.Errorf("another origin sent mails to %d, did %v %v, answered %v", len(s.mails), s.acts, s.done(), s.answers)
	}
	if a := s.send(http.MethodPost, "/link", "address="+address, "Sec-Fetch-Site", "", "Origin", s.URL); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the pages' own origin gave %d", a.StatusCode)
	}
}

// TestOneClick is RFC 8058: a mail program posts to the address of the link, without cookies, and reads no page.
// TestValidWithdrawalsAreNeverSlowedDown: the servers of a mail provider have few addresses, and withdraw for many people.
func TestAskingForALinkTellsNothing(t *testing.T) {
	s := newSite(t)
	known, unknown := s.post("/link", "address", address), s.post("/link", "address", "never.seen@example.org")
	for _, a := range []answer{known, unknown} {
		a.Header.Del("Request-Id")
		a.Header.Del("Date")
	}
	if known.StatusCode != http.StatusSeeOther || known.StatusCode != unknown.StatusCode || known.text != unknown.text || known.Header.Get("Location") != unknown.Header.Get("Location") ||
		len(known.Header) != len(unknown.Header) || len(known.Cookies()) != 0 {
		t.Errorf("known: %d %v %q\nunknown: %d %v %q", known.StatusCode, known.Header, known.text, unknown.StatusCode, unknown.Header, unknown.text)
	}
	if len(s.mails) != 1 {
		t.Errorf("%d mails", len(s.mails))
	}
	if a := s.post("/link", "address", "no address"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.text, `aria-invalid="true"`) || !strings.Contains(a.text, `value="no address"`) {
		t.Errorf("what is no address gave %d:\n%s", a.StatusCode, a.text)
	}
}

func TestActsOfThePage(t *testing.T) {
	s := newSite(t)
	if a := s.post("/person/act", "act", "withdraw", "position", "9"); a.Header.Get("Location") != "/?why=ended" || len(s.acts) != 0 {
		t.Errorf("without a session: %d, %q, %v", a.StatusCode, a.Header.Get("Location"), s.acts)
	}
	if a := s.get("/person", "Cookie", "__Host-optup-session=some-other-session-000"); a.Header.Get("Location") != "/?why=ended" {
		t.Errorf("with a made-up session: %d", a.StatusCode)
	}
	s.signIn()
	page := s.get("/person")
	if !strings.Contains(page.text, "&amp; offers &lt;by&gt;") || !strings.Contains(page.text, `value="9"`) {
		t.Errorf("the page does not escape, or shows no position:\n%s", page.text)
	}
	a := s.post("/person/act", "act", "widen", "purpose", "newsletter", "notice", "newsletter-v1", "position", "9")
	want := pages.Act{Kind: pages.ActWiden, Purpose: "newsletter", Notice: "newsletter-v1", BasedOn: 9, Language: "en"}
	if a.Header.Get("Location") != "/person?done=widen" || len(s.acts) != 1 || s.acts[0] != want {
		t.Errorf("widening gave %d %q and did %v", a.StatusCode, a.Header.Get("Location"), s.acts)
	}
	old := s.post("/person/act", "act", "widen", "purpose", "newsletter", "notice", "newsletter-v1", "position", "8")
	if old.StatusCode != http.StatusConflict || !strings.Contains(old.text, `<li value="9">Objected`) || strings.Contains(old.text, `value="7"`) || len(s.acts) != 1 {
		t.Errorf("an act on an old page gave %d and did %v:\n%s", old.StatusCode, s.acts, old.text)
	}
	for _, fields := range [][]string{{"act", "rule", "position", "9"}, {"act", "withdraw"}, {"act", "withdraw", "position", "-1"}} {
		if a := s.post("/person/act", fields...); a.StatusCode != http.StatusUnprocessableEntity || len(s.acts) != 1 {
			t.Errorf("%v gave %d and did %v", fields, a.StatusCode, s.acts)
		}
	}
	if a := s.get("/person/data"); a.Header.Get("Content-Disposition") != `attachment; filename="my-data.json"` || !strings.Contains(a.text, `"position": 9`) {
		t.Errorf("the data came as %v: %s", a.Header, a.text)
	}
	s.post("/leave")
	if a := s.get("/person"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("after leaving the page gave %d", a.StatusCode)
	}
}

func TestNobodyIsInTheLogAndInAddresses(t *testing.T) {
	s := newSite(t)
	s.signIn()
	s.post("/link", "address", address)
	s.post("/forms/shop/newsletter/answers", "address", address, "given", "newsletter newsletter-v1")
	s.post("/forms/shop/newsletter", "address", address)
	s.next = &url.Error{Op: "a fault", Err: http.ErrBodyNotAllowed}
	s.get("/forms/shop/newsletter")
	s.next = nil
	s.person = nil // a fault of ours
	if a := s.get("/person"); a.StatusCode != http.StatusInternalServerError || strings.Contains(a.text, "nil pointer") {
		t.Errorf("a panic gave %d: %s", a.StatusCode, a.text)
	}
	text := s.log.String() + strings.Join(s.routes, "\n")
	if !strings.Contains(text, "a page failed") || !strings.Contains(text, "a page panicked") || !strings.Contains(text, "GET /person") {
		t.Fatalf("nothing was logged:\n%s", text)
	}
	for _, secret := range []string{address, "seeded", tokenFor, session} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log or in the names of routes:\n%s", secret, text)
		}
	}
}

func TestThePublicAddress(t *testing.T) {
	for _, base := range []string{"", "shop.example", "ftp://shop.example", "https://shop.example/path", "https://shop.example?x"} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pages.New(pages.Options{Base: u, Now: time.Now}); err == nil {
			t.Errorf("%q counts as a public address", base)
		}
	}
}
