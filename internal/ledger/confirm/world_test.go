package confirm

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/smtp"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/token"
	"github.com/optup/optup/internal/testkit/mailpit"
)

const (
	ada        = "ada.lovelace@seeded.example"
	controller = "Shop GmbH"
	wordsDE    = "Ja, ich möchte den Newsletter der Shop GmbH per E-Mail erhalten.\nWiderruf jederzeit."
	wordsEN    = "Yes, I would like to get the newsletter of Shop GmbH by e-mail <weekly> & nothing else."
)

// world is a ledger with a mail server, whose time the test sets.
type world struct {
	*Service
	t     *testing.T
	dir   string
	db    *sqlite.Store
	mails *mailpit.Server
	boxes []*Outbox
	log   lockedBuffer

	mu       sync.Mutex
	now      time.Time
	outcomes map[Outcome]int
	bundle   *ir.Bundle
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) count(o Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[o]++
}

func (w *world) outcome(o Outcome) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.outcomes[o]
}

func newWorld(t *testing.T, o mailpit.Options) *world {
	t.Helper()
	w := &world{
		t: t, dir: t.TempDir(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), outcomes: map[Outcome]int{}, mails: mailpit.Start(t, o),
		bundle: &ir.Bundle{
			Notices: []ir.Notice{
				{Name: "newsletter-v1", Texts: []ir.Text{ir.TextOf("de", wordsDE), ir.TextOf("en-GB", wordsEN)}},
				{Name: "profiling-v1", Texts: []ir.Text{ir.TextOf("de", "Auswertung meiner Klicks.")}},
			},
			Purposes: []ir.Purpose{{Name: "newsletter", Labels: []ir.Label{{Language: "de", Title: "Newsletter per E-Mail"}}}},
		},
	}
	root := keys.NewRoot()
	stream, err := root.Stream(controller)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := root.Secrets(controller)
	if err != nil {
		t.Fatal(err)
	}
	if w.db, err = sqlite.Open(t.Context(), w.dir, stream.ID(), secrets.Wrapping(), w.clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	tokens, err := token.New(secrets.Tokens(), stream.ID(), w.clock)
	if err != nil {
		t.Fatal(err)
	}
	w.Service, err = New(Options{
		Store: w.db, Keys: stream, Tokens: tokens, Base: &url.URL{Scheme: "https", Host: "consent.shop.example"},
		Controller: func() string { return controller }, Bundle: func() *ir.Bundle { return w.bundle }, Now: w.clock,
		Logger: slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.boxes = []*Outbox{w.outbox(smtp.Options{Server: w.mails.SMTP, TLS: smtp.None})}
	return w
}

func (w *world) outbox(o smtp.Options) *Outbox {
	w.t.Helper()
	o.From = "Shop <consent@shop.example>"
	server, err := smtp.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return &Outbox{Service: w.Service, Sender: server, Observe: w.count}
}

// send lets all outboxes send what is due now.
func (w *world) send() {
	w.t.Helper()
	var wg sync.WaitGroup
	for _, b := range w.boxes {
		wg.Go(func() {
			for {
				n, err := b.Once(w.t.Context())
				if err != nil {
					w.t.Error(err)
				}
				if n == 0 || err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// pending asks for grants of one act.
func (w *world) pending(address, language string, purposes ...consent.PurposeID) []consent.Position {
	w.t.Helper()
	tags, err := w.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Value: address})
	if err != nil {
		w.t.Fatal(err)
	}
	var events []store.Append
	for _, p := range purposes {
		notice := consent.NoticeID(p) + "-v1"
		if p == "offers" {
			notice = "newsletter-v1" // one wording for two purposes
		}
		events = append(events, store.Append{
			Identities: []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}},
			Event: consent.Event{
				Type: consent.EventGiven, Purpose: p, Notice: notice, Pending: true, Actor: consent.ActorTouchpoint, Touchpoint: "shop/form",
				BasedOn: w.record(address).Position,
			},
		})
	}
	if err := w.Ask(events, Ask{Address: address, Language: language, ValidFor: 72 * time.Hour, AgainAfter: 24 * time.Hour}); err != nil {
		w.t.Fatal(err)
	}
	results, refused, err := w.db.Append(w.t.Context(), events...)
	if err := errors.Join(append(refused, err)...); err != nil {
		w.t.Fatal(err)
	}
	var out []consent.Position
	for _, r := range results {
		out = append(out, r.Position)
	}
	return out
}

func (w *world) record(address string) *consent.Record {
	w.t.Helper()
	tags, err := w.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Value: address})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := w.db.Lookup(w.t.Context(), tags[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// statuses are those of a person's grants, the oldest first.
func (w *world) statuses(address string) (out []consent.Status) {
	w.t.Helper()
	for _, g := range w.record(address).Grants {
		out = append(out, g.Status)
	}
	return out
}

func (w *world) head() consent.Position {
	w.t.Helper()
	h, err := w.db.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return h.Position
}

var linkShape = regexp.MustCompile(`https://consent\.shop\.example/(confirm|open|withdraw)\?token=([A-Za-z0-9_-]+)`)

// links are the tokens of the only mail to an address.
func (w *world) links(address string) []string {
	w.t.Helper()
	got := w.mails.Mails(w.t, address)
	if len(got) != 1 {
		w.t.Fatalf("%d mails, want 1", len(got))
	}
	return tokensOf(got[0].Text)
}

func tokensOf(text string) (out []string) {
	for _, m := range linkShape.FindAllStringSubmatch(text, -1) {
		out = append(out, m[2])
	}
	return out
}

// nobodyShows fails if the address stands in a log, or in a file of the database.
func (w *world) nobodyShows() {
	w.t.Helper()
	w.log.mu.Lock()
	all := map[string][]byte{"the log": bytes.Clone(w.log.Bytes())}
	w.log.mu.Unlock()
	files, err := os.ReadDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		if all[f.Name()], err = os.ReadFile(filepath.Join(w.dir, f.Name())); err != nil {
			w.t.Fatal(err)
		}
	}
	for name, content := range all {
		if bytes.Contains(bytes.ToLower(content), []byte("lovelace")) {
			w.t.Errorf("%s holds a person", name)
		}
	}
}

// failing is a sender that fails in a way of its own, or hands on.
type failing struct {
	Sender
	fail func(smtp.Message) error
}

func (f failing) Send(ctx context.Context, m smtp.Message) error {
	if err := f.fail(m); err != nil {
		return err
	}
	return f.Sender.Send(ctx, m)
}

func same[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// tags are those that an address is looked up by.
func (w *world) tags(address string) ([]consent.Tag, error) {
	who, err := w.identity(address)
	return who.Tags, err
}

// identity is one address that tags name.
func identity(tags []consent.Tag) []store.Identity {
	return []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}
}
