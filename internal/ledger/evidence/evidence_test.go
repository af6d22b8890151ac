package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
)

var (
	now  = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	hash = strings.Repeat("ab", 32)
)

func sound() map[Kind]Evidence {
	return map[Kind]Evidence{
		DoubleOptIn: {Kind: DoubleOptIn, WordingSHA256: hash, DoubleOptIn: &Mailbox{
			Sender: "esp.example", AskedAt: now.Add(-time.Hour), SentAt: now.Add(-time.Hour), ConfirmedAt: now, Reference: "message-1",
		}},
		NumberCode: {Kind: NumberCode, NumberCode: &Code{Sender: "sms.example", Channel: "sms", SentAt: now.Add(-time.Minute), ConfirmedAt: now}},
		Recording:  {Kind: Recording, Recording: &Call{RecordedAt: now.Add(-time.Hour), SHA256: hash, Reference: "call-7", Agreed: true}},
		SignedForm: {Kind: SignedForm, SignedForm: &Document{SignedAt: now.AddDate(-3, 0, 0), SHA256: hash, Reference: "archive/7", Signature: "handwritten"}},
		Login:      {Kind: Login, Session: &Session{Issuer: "https://login.example", AuthenticatedAt: now, Reference: "session-1", Method: "passkey"}},
	}
}

func TestEachProofTakesItsKinds(t *testing.T) {
	proofs := []consent.Proof{
		consent.ProofNone, consent.ProofMailboxConfirmed, consent.ProofNumberConfirmed, consent.ProofSigned, consent.ProofAuthenticatedSession,
	}
	want := map[Kind]consent.Proof{
		DoubleOptIn: consent.ProofMailboxConfirmed, NumberCode: consent.ProofNumberConfirmed, Recording: consent.ProofNumberConfirmed,
		SignedForm: consent.ProofSigned, Login: consent.ProofAuthenticatedSession,
	}
	for kind, e := range sound() {
		for _, p := range proofs {
			if err := Check(e, p, now); (err == nil) != (want[kind] == p) || (err != nil && !errors.Is(err, Err)) {
				t.Errorf("%s for %q: %v", kind, p, err)
			}
		}
	}
}

func TestEvidenceThatProvesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		kind   Kind
		proof  consent.Proof
		change func(e *Evidence)
		want   string
	}{
		"nothing":                           {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { *e = Evidence{} }, "kind"},
		"a kind without its member":         {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.DoubleOptIn = nil }, "member"},
		"another member":                    {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.DoubleOptIn, e.Session = nil, &Session{} }, "member"},
		"two members":                       {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.Session = &Session{} }, "no other"},
		"a mail that nobody confirmed":      {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.DoubleOptIn.ConfirmedAt = time.Time{} }, "doubleOptIn"},
		"confirmed before it was sent":      {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.DoubleOptIn.SentAt = now.Add(time.Minute) }, "order"},
		"confirmed in the future":           {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.DoubleOptIn.ConfirmedAt = now.Add(time.Hour) }, "future"},
		"a mail of nobody":                  {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.DoubleOptIn.Sender = "" }, "sender"},
		"a wording without a hash":          {DoubleOptIn, consent.ProofMailboxConfirmed, func(e *Evidence) { e.WordingSHA256 = "v1" }, "wordingSHA256"},
		"a code by carrier pigeon":          {NumberCode, consent.ProofNumberConfirmed, func(e *Evidence) { e.NumberCode.Channel = "pigeon" }, "channel"},
		"a recording behind the back":       {Recording, consent.ProofNumberConfirmed, func(e *Evidence) { e.Recording.Agreed = false }, "agreed"},
		"a recording without its hash":      {Recording, consent.ProofNumberConfirmed, func(e *Evidence) { e.Recording.SHA256 = "" }, "sha256"},
		"a form that nobody finds again":    {SignedForm, consent.ProofSigned, func(e *Evidence) { e.SignedForm.Reference = "" }, "reference"},
		"a signature of no kind":            {SignedForm, consent.ProofSigned, func(e *Evidence) { e.SignedForm.Signature = "yes" }, "signature"},
		"a session of no issuer":            {Login, consent.ProofAuthenticatedSession, func(e *Evidence) { e.Session.Issuer = "" }, "issuer"},
		"a session without a login":         {Login, consent.ProofAuthenticatedSession, func(e *Evidence) { e.Session.AuthenticatedAt = time.Time{} }, "session"},
		"a reference longer than it may be": {Login, consent.ProofAuthenticatedSession, func(e *Evidence) { e.Session.Reference = strings.Repeat("ada", 200) }, "512"},
	} {
		t.Run(name, func(t *testing.T) {
			e := sound()[c.kind]
			if err := Check(e, c.proof, now); err != nil {
				t.Fatal(err)
			}
			c.change(&e)
			err := Check(e, c.proof, now)
			if !errors.Is(err, Err) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("err = %v, want one about %s", err, c.want)
			}
			if strings.Contains(err.Error(), "ada") {
				t.Error("the error repeats what was sent")
			}
		})
	}
}

func TestEvidencePrintsRedacted(t *testing.T) {
	e := sound()[DoubleOptIn]
	if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "message-1") {
		t.Error(text)
	}
	raw, err := json.Marshal(e)
	if err != nil || !strings.HasPrefix(string(raw), `{"kind":"doubleOptIn","wordingSHA256":"abab`) || strings.Contains(string(raw), "session") {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestImportedEvidenceSaysWhereAndWhen(t *testing.T) {
	for name, c := range map[string]struct {
		a     Archive
		proof consent.Proof
		want  string
	}{
		"a place and a time":          {Archive{now.AddDate(-2, 0, 0), "esp/4711"}, consent.ProofMailboxConfirmed, ""},
		"no proof":                    {Archive{now, "esp/4711"}, consent.ProofNone, "proof"},
		"no place":                    {Archive{now, " "}, consent.ProofSigned, "archived"},
		"a proof is no place":         {Archive{now, "Signed"}, consent.ProofSigned, "archived"},
		"a place of several lines":    {Archive{now, "ada\n1"}, consent.ProofSigned, "archived"},
		"a place that is too long":    {Archive{now, strings.Repeat("ada", 200)}, consent.ProofSigned, "archived"},
		"no time":                     {Archive{time.Time{}, "esp/4711"}, consent.ProofSigned, "at "},
		"a time that has yet to come": {Archive{now.Add(time.Hour), "esp/4711"}, consent.ProofSigned, "at "},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckImported(c.a, c.proof, now)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, Err) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "ada") {
				t.Fatalf("err = %v, want one about %s", err, c.want)
			}
		})
	}
	// Whoever speaks for a person as it happens shows the evidence itself.
	e := Evidence{Kind: Archived, Archived: &Archive{now, "esp/4711"}}
	for _, p := range consent.Proofs {
		if err := Check(e, p, now); !errors.Is(err, Err) {
			t.Errorf("%s: %v", p, err)
		}
	}
}
