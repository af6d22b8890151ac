package pages_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/pages"
)

// double stands in for a ledger where only rendering and HTTP are tested. What people do at a real one is tested in internal/ledger/desk
// and test/browser.
type double struct {
	mu      sync.Mutex
	links   map[string]pages.Asked
	spent   map[string]bool
	acts    []pages.Act
	answers []pages.Answer
	mails   []string
	calls   []string
	next    error
	person  *pages.Person
	form    *pages.Form
}

const (
	address = "seeded.person@example.org"
	session = "session-of-the-seeded-person"
)

func (d *double) did(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, what)
}

func (d *double) done() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

func (d *double) RequestPage(_ context.Context, to, _ string) error {
	if !strings.Contains(to, "@") {
		return pages.ErrInput
	}
	if to == address {
		d.mails = append(d.mails, to)
	}
	return nil
}

func (d *double) spend(token string, k pages.LinkKind) error {
	if d.links[token].Kind != k || d.spent[token] {
		return pages.ErrLink
	}
	d.did(string(k))
	return nil
}

func (d *double) Open(_ context.Context, token string) (string, time.Time, error) {
	err := d.spend(token, pages.LinkOpen)
	d.spent[token] = err == nil
	return session, time.Now().Add(time.Hour), err
}

func (d *double) Session(_ context.Context, s string) (pages.Who, error) {
	if s != session {
		return pages.Who{}, pages.ErrLink
	}
	return pages.Who{Tags: []consent.Tag{{1}}, Until: time.Now().Add(time.Hour)}, nil
}

func (d *double) Look(_ context.Context, token string) (pages.Asked, error) {
	a, ok := d.links[token]
	if !ok || d.spent[token] {
		return pages.Asked{}, pages.ErrLink
	}
	return a, nil
}

func (d *double) Confirm(_ context.Context, token string) error {
	return d.spend(token, pages.LinkConfirm)
}

func (d *double) Disown(_ context.Context, token string) error {
	err := d.spend(token, pages.LinkConfirm)
	d.did("disown")
	return err
}

func (d *double) Withdraw(_ context.Context, token string) error {
	return d.spend(token, pages.LinkWithdraw)
}

func (d *double) Person(context.Context, pages.Who, string) (*pages.Person, error) {
	p := *d.person
	p.History = slices.Clone(p.History)
	return &p, nil
}

func (d *double) Do(_ context.Context, _ pages.Who, a pages.Act) error {
	if a.Kind == pages.ActWiden && a.BasedOn < d.person.Position {
		return pages.ErrOutdated
	}
	d.acts = append(d.acts, a)
	return nil
}

func (d *double) Export(context.Context, pages.Who, string) (any, error) {
	return map[string]any{"position": d.person.Position}, nil
}

func (d *double) Receipt(_ context.Context, _ pages.Who, p consent.Position) (any, error) {
	if p != 7 {
		return nil, pages.ErrNotOffered
	}
	return map[string]any{"receipt_id": "7"}, nil
}

func (d *double) Form(_ context.Context, touchpoint, language string) (*pages.Form, error) {
	if d.next != nil {
		return nil, d.next
	}
	if touchpoint != d.form.Touchpoint {
		return nil, pages.ErrNotOffered
	}
	f := *d.form
	f.Language = language
	return &f, nil
}

func (d *double) Answer(_ context.Context, _ string, a pages.Answer) error {
	d.answers = append(d.answers, a)
	return nil
}

var (
	newsletter = pages.Purpose{
		ID: "newsletter", Title: pages.Text{Language: "en", Text: "Newsletter"},
		Description: pages.Text{Language: "en", Text: "News & offers <by> e-mail."},
	}
	wording = pages.Notice{
		ID: "newsletter-v1", Version: 1, SHA256: strings.Repeat("ab", 32),
		Text: pages.Text{Language: "en", Text: "I would like to receive news of Example Shop GmbH by e-mail."},
	}
)

const tokenFor = "token-of-a-link-for-" // and the kind

// newDouble has a link of each kind, and a person with something of everything.
func newDouble() *double {
	at := time.Date(2026, time.March, 5, 14, 30, 0, 0, time.UTC)
	d := &double{links: map[string]pages.Asked{}, spent: map[string]bool{}}
	for _, k := range []pages.LinkKind{pages.LinkConfirm, pages.LinkOpen, pages.LinkWithdraw} {
		d.links[tokenFor+string(k)] = pages.Asked{
			Kind: k, Controller: "Example Shop GmbH", Purposes: []pages.Purpose{newsletter}, Notice: wording, At: at, Until: at.AddDate(0, 0, 3),
		}
	}
	grant := pages.Grant{
		Position: 7, Purpose: newsletter, Notice: wording, Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed, Since: at, Touchpoint: "shop/newsletter",
	}
	pending, ended := grant, grant
	grant.Hindered = "RESTRICTED"
	pending.Status, ended.Status = consent.StatusPending, consent.StatusWithdrawn
	use := pages.Use{Purpose: newsletter, Recipient: "Example Mail Ltd", Count: 3, First: at, Last: at.AddDate(0, 1, 0), Reason: "OK_CONSENT"}
	kept := use
	kept.Reason = "NO_GRANT"
	d.person = &pages.Person{
		Controller: "Example Shop GmbH", Position: 9, At: at, Agreed: []pages.Grant{grant}, Waiting: []pages.Grant{pending}, Ended: []pages.Grant{ended},
		Offers: []pages.Offer{{Notice: wording, Purpose: newsletter}}, Others: []pages.Other{{Purpose: newsletter, Ground: "existingCustomer"}},
		Uses: []pages.Use{use}, Withheld: []pages.Use{kept}, More: true, Objected: true, Restricted: true, Suppressed: true,
		History: []pages.Entry{
			{Position: 9, At: at, Type: consent.EventObjected, Actor: consent.ActorPerson},
			{Position: 7, At: at, Type: consent.EventGiven, Purpose: newsletter, Notice: "newsletter-v1", Actor: consent.ActorPerson, Proof: consent.ProofMailboxConfirmed, Receipt: true},
		},
	}
	d.form = &pages.Form{
		Touchpoint: "shop/newsletter", Controller: "Example Shop GmbH", Language: "en", Origins: []string{"https://shop.example"}, Back: "https://shop.example/newsletter",
		Questions: []pages.Question{{Notice: wording, Purposes: []pages.Purpose{newsletter}}},
	}
	return d
}

// site is the pages of a double, on TLS, with a browser's cookies.
type site struct {
	*double
	*httptest.Server
	t      *testing.T
	client *http.Client
	log    *bytes.Buffer
	routes []string
	now    time.Time
}

func newSite(t *testing.T, change ...func(*pages.Options)) *site {
	t.Helper()
	s := &site{double: newDouble(), t: t, log: &bytes.Buffer{}, now: time.Now()}
	s.Server = httptest.NewUnstartedServer(nil)
	base, err := url.Parse("https://" + s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o := pages.Options{
		Links: s.double, Desk: s.double, Forms: s.double, Base: base, Controller: func() string { return "Example Shop GmbH" },
		Now:    func() time.Time { return s.now },
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Observe: func(route string, _ int, _ time.Duration) { // a browser asks for several things at once
			s.mu.Lock()
			defer s.mu.Unlock()
			s.routes = append(s.routes, route)
		},
	}
	for _, c := range change {
		c(&o)
	}
	if s.Config.Handler, err = pages.New(o); err != nil {
		t.Fatal(err)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	s.client = s.Client()
	if s.client.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

// answer is what came back.
type answer struct {
	*http.Response
	text string
}

func (s *site) send(method, path, body string, header ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res, string(text)}
}

func (s *site) get(path string, header ...string) answer {
	s.t.Helper()
	return s.send(http.MethodGet, path, "", header...)
}

func (s *site) post(path string, fields ...string) answer {
	s.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	return s.send(http.MethodPost, path, v.Encode())
}

// enter opens a link and gives the button's seen value.
func (s *site) enter(k pages.LinkKind) string {
	s.t.Helper()
	first := s.get("/" + string(k) + "?token=" + tokenFor + string(k))
	if first.StatusCode != http.StatusSeeOther || first.Header.Get("Location") != "/"+string(k) {
		s.t.Fatalf("the link to %s gave %d, %s", k, first.StatusCode, first.Header.Get("Location"))
	}
	page := s.get("/" + string(k))
	_, rest, found := strings.Cut(page.text, `name="seen" value="`)
	seen, _, _ := strings.Cut(rest, `"`)
	if page.StatusCode != http.StatusOK || !found {
		s.t.Fatalf("the page of %s gave %d: %s", k, page.StatusCode, page.text)
	}
	return seen
}

// signIn opens the person's page.
func (s *site) signIn() {
	s.t.Helper()
	seen := s.enter(pages.LinkOpen)
	if a := s.post("/open", "seen", seen); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/person" {
		s.t.Fatalf("opening gave %d: %s", a.StatusCode, a.text)
	}
}
