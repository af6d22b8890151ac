package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

const text = "I would like to get the newsletter of Shop GmbH by e-mail."

func root(t *testing.T) keys.Root {
	t.Helper()
	r, err := keys.ParseRoot(bytes.Repeat([]byte{7}, keys.RootSize))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func signer(t *testing.T, r keys.Root) *keys.Signer {
	t.Helper()
	s, err := r.Signer("shop-gmbh")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at gives what the receipt of an event at position 5 follows from.
func at(t *testing.T, e consent.Event) Source {
	t.Helper()
	e.Position, e.At = 5, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := root(t).Stream("shop-gmbh")
	if err != nil {
		t.Fatal(err)
	}
	tags, err := s.Tags(consent.Identifier{Type: consent.IdentifierEmail, Value: "ada@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	entry, err := store.EncodeEntry(e, []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}})
	if err != nil {
		t.Fatal(err)
	}
	salt := proof.Salt{1, 2, 3}
	log := leaves{}
	for i := range byte(4) {
		log = append(log, proof.Leaf(proof.Salt{}, []byte{i}))
	}
	log = append(log, proof.Leaf(salt, entry))
	path, err := proof.Inclusion(log, 5, 5)
	top, errRoot := proof.RootAt(log, 5)
	if err := errors.Join(err, errRoot); err != nil {
		t.Fatal(err)
	}
	return Source{
		Logged: store.Logged{Position: 5, Leaf: log[4], Salt: salt[:], Entry: entry}, Path: path, Root: top, Epoch: "EPOCH", Controller: "shop-gmbh",
		Bundle: &ir.Bundle{
			Purposes: []ir.Purpose{{
				Name: "newsletter", DPV: "dpv:DirectMarketing", Grounds: []ir.Ground{ir.GroundConsent, ir.GroundExistingCustomer}, Categories: []string{"EmailAddress"},
				Processing: []ir.Processing{ir.ProcessingSend, ir.ProcessingShow}, ValidForDays: 730,
			}},
			Notices: []ir.Notice{{
				Name: "newsletter-v1", Purposes: []consent.PurposeID{"newsletter"}, Processing: []ir.Processing{ir.ProcessingSend},
				Channels: []consent.Channel{consent.ChannelEmail}, Recipients: []string{"mailer-inc"}, Texts: []ir.Text{ir.TextOf("en", text)},
			}},
		},
	}
}

type leaves []proof.Hash

func (l leaves) Leaves(first consent.Position, n int) ([]proof.Hash, error) {
	return l[first-1:][:n], nil
}

func (leaves) Nodes(int, uint64, int) ([]proof.Hash, error) { return nil, errors.New("none") }

func given() consent.Event {
	return consent.Event{
		Type: consent.EventGiven, Purpose: "newsletter", Notice: "newsletter-v1", Actor: consent.ActorPerson, Touchpoint: "shop/form", Language: "en",
		Proof: consent.ProofMailboxConfirmed,
	}
}

func issue(t *testing.T, s Source) Receipt {
	t.Helper()
	r, err := Issue(s, signer(t, root(t)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReceiptIsTheSameWheneverItIsIssued(t *testing.T) {
	raw, err := json.MarshalIndent(issue(t, at(t, given())), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "receipt.json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, append(raw, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), raw) {
		t.Fatalf("another receipt; with UPDATE_GOLDEN=1 it is written again:\n%s", raw)
	}
	if bytes.Contains(raw, []byte("ada@")) || bytes.Contains(raw, []byte("example.org")) {
		t.Fatal("it names a person")
	}
}

func TestReceiptsVerifyOffline(t *testing.T) {
	r := issue(t, at(t, given()))
	raw, err := json.MarshalIndent(r, " ", "\t") // whatever became of its spaces
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Verify(again, signer(t, root(t)).PublicKey())
	if err != nil || c.Size != 5 || c.Epoch() != "EPOCH" {
		t.Fatalf("%+v, %v", c, err)
	}
	if language, ok := Words(again, []byte(text)); !ok || language != "en" {
		t.Fatal("the wording is not recognised")
	}
	if _, ok := Words(again, []byte(text+" ")); ok {
		t.Fatal("another wording is taken for it")
	}
}

// Every string and number of a receipt is changed in turn, and every member left out.
func TestNoPartOfAReceiptCanBeChanged(t *testing.T) {
	raw, err := json.Marshal(issue(t, at(t, given())))
	if err != nil {
		t.Fatal(err)
	}
	key := signer(t, root(t)).PublicKey()
	var whole any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	tried := 0
	holds := func(what string) {
		t.Helper()
		tried++
		changed, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(changed)
		if err == nil {
			_, err = Verify(r, key)
		}
		if err == nil {
			t.Errorf("%s: the receipt holds", what)
		} else if !errors.Is(err, ErrReceipt) {
			t.Errorf("%s: err = %v", what, err)
		}
	}
	var walk func(path string, v any, set func(any))
	walk = func(path string, v any, set func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for k, member := range v {
				walk(path+"/"+k, member, func(x any) { v[k] = x })
				delete(v, k)
				holds(path + "/" + k + " left out")
				v[k] = member
			}
			v["more"] = "x"
			holds(path + "/more")
			delete(v, "more")
		case []any:
			for i, member := range v {
				walk(path+"/"+string(rune('0'+i)), member, func(x any) { v[i] = x })
			}
			set(append(slices.Clone(v), v...))
			holds(path + " twice")
			set(v)
		case string:
			if !strings.HasPrefix(v, "https://") { // whatever the context says elsewhere
				set(v[:len(v)-1] + "\x7f")
				holds(path)
				set(v)
			}
		case float64:
			set(v + 1)
			holds(path)
			set(v)
		}
	}
	walk("", whole, func(any) {})
	if tried < 100 {
		t.Fatalf("only %d changes were tried", tried)
	}
}

func TestReceiptsOfOthersDoNotHold(t *testing.T) {
	r := issue(t, at(t, given()))
	other := signer(t, keys.NewRoot())
	if _, err := Verify(r, other.PublicKey()); !errors.Is(err, ErrReceipt) {
		t.Errorf("by another key: err = %v", err)
	}
	// Words from another receipt, signed by the same ledger.
	withdrawn := given()
	withdrawn.Type, withdrawn.Notice, withdrawn.Proof = consent.EventWithdrawn, "", ""
	w := issue(t, at(t, withdrawn))
	if w.Record.Event.State != "dpv:ConsentWithdrawn" || w.Record.Processing.Notice != nil {
		t.Errorf("%+v", w.Record)
	}
	mixed := r
	mixed.Record = w.Record
	if text, err := statement(mixed); err != nil {
		t.Fatal(err)
	} else if signed, err := signer(t, root(t)).Statement(text); err != nil {
		t.Fatal(err)
	} else if mixed.Statement = string(signed); true {
		if _, err := Verify(mixed, signer(t, root(t)).PublicKey()); !errors.Is(err, ErrReceipt) {
			t.Errorf("a signed receipt that says other than the log: err = %v", err)
		}
	}
}

func TestErasedPeopleGetNoReceipt(t *testing.T) {
	s := at(t, given())
	s.Logged.Entry, s.Logged.Salt = nil, nil
	if _, err := Issue(s, signer(t, root(t))); !errors.Is(err, ErrErased) {
		t.Fatalf("err = %v", err)
	}
}

func TestReceiptsWithoutABundle(t *testing.T) {
	s := at(t, given())
	s.Bundle = nil
	r := issue(t, s)
	if _, err := Verify(r, signer(t, root(t)).PublicKey()); err != nil || len(r.Record.Processing.Purposes) != 1 {
		t.Fatalf("%+v, %v", r.Record.Processing, err)
	}
}

func TestEveryEventHasAState(t *testing.T) {
	for _, c := range []struct {
		e    consent.Event
		want string
	}{
		{consent.Event{Type: consent.EventGiven, Pending: true}, "optup:ConsentPendingConfirmation"},
		{consent.Event{Type: consent.EventGiven, Actor: consent.ActorImport}, "optup:ConsentUnproven"},
		{consent.Event{Type: consent.EventRenewed}, "dpv:RenewedConsentGiven"},
		{consent.Event{Type: consent.EventDisowned}, "dpv:ConsentInvalidated"},
		{consent.Event{Type: consent.EventRefused}, "dpv:ConsentRefused"},
		{consent.Event{Type: consent.EventObjected}, ""},
	} {
		if got := state(c.e); got != c.want {
			t.Errorf("%s: %q, want %q", c.e.Type, got, c.want)
		}
	}
	if got := basis(consent.Event{Type: consent.EventRelationship}, []ir.Ground{ir.GroundConsent, ir.GroundExistingCustomer}); !slices.Equal(got, []string{"optup:ePrivacy-13-2"}) {
		t.Errorf("the basis of a sale: %v", got)
	}
}
