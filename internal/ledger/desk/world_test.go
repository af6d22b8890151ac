package desk_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/desk"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/wire"
)

const shop = "Example Shop GmbH"

// bundle is that of a shop with a newsletter, evaluation of reactions as its next step, mail to customers, calls that need a signature, and
// invoices.
func bundle() *ir.Bundle {
	purpose := func(name consent.PurposeID, title string, g ir.Ground, x ir.Processing, channels ...consent.Channel) ir.Purpose {
		return ir.Purpose{
			Name: name, Controller: shop, Grounds: []ir.Ground{g}, Processing: []ir.Processing{x}, Channels: channels, Objection: ir.ObjectionDirectMarketing,
			Labels: []ir.Label{{Language: "de", Title: title + " (de)", Description: "Worum es geht."}, {Language: "en", Title: title, Description: "What it is about."}},
		}
	}
	news := purpose("newsletter", "Newsletter", ir.GroundConsent, ir.ProcessingSend, consent.ChannelEmail)
	news.Proofs, news.ValidForDays = []consent.Proof{consent.ProofMailboxConfirmed}, 730
	profiling := purpose("profiling", "Evaluation of reactions", ir.GroundConsent, ir.ProcessingProfile)
	calls := purpose("calls", "Calls", ir.GroundConsent, ir.ProcessingSend, consent.ChannelPhone)
	calls.Proofs = []consent.Proof{consent.ProofSigned}
	similar := purpose("similar", "Similar goods", ir.GroundExistingCustomer, ir.ProcessingSend, consent.ChannelEmail)
	similar.Goods = []string{"shoes"}
	invoice := purpose("invoice", "Invoices", ir.GroundContract, ir.ProcessingSend, consent.ChannelEmail)
	invoice.Objection = ir.ObjectionNone
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "shop", Workload: "ConsentLedger/main", Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny},
		FreshnessBoundMillis: 30_000, Purposes: []ir.Purpose{calls, invoice, news, profiling, similar},
	}
	for _, p := range []ir.Purpose{news, profiling, calls} {
		b.Notices = append(b.Notices, ir.Notice{
			Name: consent.NoticeID(p.Name) + "-v1", Series: string(p.Name), Version: 1, Controller: shop, Purposes: []consent.PurposeID{p.Name},
			Processing: p.Processing, Channels: p.Channels,
			Texts: []ir.Text{ir.TextOf("de", "Ich willige ein: "+string(p.Name)), ir.TextOf("en", "I agree: "+string(p.Name))},
		})
	}
	at := func(name string, place ir.Place, optIn []consent.NoticeID, ladder ...ir.LadderStep) {
		b.Touchpoints = append(b.Touchpoints, ir.Touchpoint{
			Name: "shop/" + name, Controller: shop, Place: place, URL: "https://shop.example/" + name, OptIn: optIn, Ladder: ladder, CoolDownDays: 180, DeferDays: 14,
			Confirmation: &ir.Confirmation{Proof: consent.ProofMailboxConfirmed, ValidForHours: 48, AgainAfterHours: 24},
		})
	}
	at("account", ir.PlaceAccount, []consent.NoticeID{"newsletter-v1"}, ir.LadderStep{Notice: "profiling-v1", After: []consent.NoticeID{"newsletter-v1"}})
	at("calls", ir.PlaceAccount, []consent.NoticeID{"calls-v1"})
	b.Touchpoints[1].Confirmation.Proof = consent.ProofSigned // which no page can obtain
	at("newsletter", ir.PlaceWebForm, []consent.NoticeID{"newsletter-v1"})
	return b
}

// world is a ledger with a desk.
type world struct {
	*desk.Desk
	t      *testing.T
	store  *sqlite.Store
	keys   *keys.Stream
	bundle *ir.Bundle
	now    time.Time
	// publicKey verifies receipts.
	publicKey string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, bundle: bundle(), now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)}
	if err := ir.Validate(w.bundle); err != nil {
		t.Fatal(err)
	}
	root := keys.NewRoot()
	var err error
	if w.keys, err = root.Stream(shop); err != nil {
		t.Fatal(err)
	}
	secrets, err := root.Secrets(shop)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := root.Signer(shop)
	if err != nil {
		t.Fatal(err)
	}
	w.publicKey = signer.PublicKey()
	clock := func() time.Time { return w.now }
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "data"), w.keys.ID(), secrets.Wrapping(), clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	inForce := func() *ir.Bundle { return w.bundle }
	w.Desk = desk.New(desk.Options{
		Store: w.store, History: w.store, Keys: w.keys, Controller: func() string { return shop }, Bundle: inForce, Now: clock,
		Asking:   asking.New(asking.Options{Store: w.store, Keys: w.keys, Bundle: inForce, Now: clock}),
		Receipts: &receipt.Issuer{Log: w.store, Signer: signer, Controller: func() string { return shop }, Bundle: inForce},
		Logger:   slog.New(slog.DiscardHandler),
	})
	return w
}

// who has proven an address.
func (w *world) who(address string) pages.Who {
	w.t.Helper()
	tags, err := w.keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: address})
	if err != nil {
		w.t.Fatal(err)
	}
	return pages.Who{Tags: tags[:1], Until: w.now.Add(time.Hour)}
}

// happened appends an event as others do.
func (w *world) happened(address string, e consent.Event) consent.Position {
	w.t.Helper()
	tags, err := w.keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: address})
	if err != nil {
		w.t.Fatal(err)
	}
	w.now = w.now.Add(time.Minute)
	r, refused, err := w.store.Append(w.t.Context(), store.Append{Identities: []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}, Event: e})
	if err := errors.Join(append(refused, err)...); err != nil {
		w.t.Fatal(err)
	}
	return r[0].Position
}

func (w *world) given(address string, purpose consent.PurposeID) consent.Position {
	w.t.Helper()
	r := w.record(address)
	return w.happened(address, consent.Event{
		Type: consent.EventGiven, Purpose: purpose, Notice: consent.NoticeID(purpose) + "-v1", Proof: consent.ProofMailboxConfirmed, Actor: consent.ActorPerson,
		Touchpoint: "shop/newsletter", BasedOn: r.Position,
	})
}

func (w *world) record(address string) *consent.Record {
	w.t.Helper()
	r, err := w.store.Lookup(w.t.Context(), w.who(address).Tags[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// page is what a person sees.
func (w *world) page(address string) *pages.Person {
	w.t.Helper()
	p, err := w.Person(w.t.Context(), w.who(address), "en")
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) do(address string, a pages.Act) error {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	return w.Do(w.t.Context(), w.who(address), a)
}

func (w *world) must(address string, a pages.Act) {
	w.t.Helper()
	if err := w.do(address, a); err != nil {
		w.t.Fatalf("%s: %v", a.Kind, err)
	}
}

var decisions byte

// used reports a decision about an address.
func (w *world) used(address string, d wire.Decided, reason string) {
	w.t.Helper()
	decisions++
	tag := wire.Tag(w.who(address).Tags[0])
	d.ID, d.First, d.Uses = wire.DecisionID{0, decisions}, 1, []wire.Use{{Tag: &tag, Reason: reason}}
	if d.At.IsZero() {
		d.At = w.now
	}
	if _, err := w.store.RecordUses(w.t.Context(), store.UseBatch{Key: d.ID.String(), Namespace: "marketing", Workload: "Deployment/mailer", Decisions: []wire.Decided{d}}); err != nil {
		w.t.Fatal(err)
	}
}
