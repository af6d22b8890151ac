package standalone

import (
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/shop"
)

// TestTheShopsConsentsInOtherWords: what the shop knows is said of the folder's purposes, and none of it has expired.
func TestTheShopsConsentsInOtherWords(t *testing.T) {
	now := time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)
	all := func(name consent.NoticeID, p consent.PurposeID, processing ...ir.Processing) ir.Notice {
		return ir.Notice{Name: name, Purposes: []consent.PurposeID{p}, Processing: processing}
	}
	b := &ir.Bundle{
		Purposes: []ir.Purpose{
			{
				Name: "mail", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingSend},
				Channels: []consent.Channel{consent.ChannelEmail}, Proofs: []consent.Proof{consent.ProofSigned}, ValidForDays: 30,
			},
			{Name: "view", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingShow}},
			{Name: "unworded", Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingShow}},
			{Name: "invoice", Grounds: []ir.Ground{ir.GroundContract}, Processing: []ir.Processing{ir.ProcessingSend}},
		},
		Notices: []ir.Notice{
			all("mail-v1", "mail", ir.ProcessingSend), all("mail-v2", "mail", ir.ProcessingSend), all("mail-v3", "mail", ir.ProcessingShow),
			all("view-v1", "view", ir.ProcessingShow, ir.ProcessingSend), all("invoice-v1", "invoice", ir.ProcessingSend),
		},
	}
	rows := shop.Consents(1, 500)
	got := consents(rows, b, now)
	if len(got) != len(rows) {
		t.Errorf("%d rows came of %d", len(got), len(rows))
	}
	if !slices.IsSortedFunc(got, func(a, b shop.Consent) int { return a.At.Compare(b.At) }) {
		t.Error("the order of time is lost")
	}
	signed := false
	for i, r := range got {
		want := map[string]string{"": "", "newsletter": "mail", "profile-view": "view"}[rows[i].Purpose]
		notice := map[string]string{"mail": "mail-v2", "view": "view-v1"}[want]
		if rows[i].Notice == "" {
			notice = ""
		}
		if r.Purpose != want || r.Notice != notice || r.Email != rows[i].Email || r.Event != rows[i].Event {
			t.Fatalf("%+v came of %+v", r, rows[i])
		}
		if r.At.After(now) || r.At.Before(now.AddDate(0, 0, -30)) {
			t.Errorf("%v would have expired, or is not yet", r.At)
		}
		if (r.Proof == "") != (rows[i].Proof == "") {
			t.Errorf("proof %q came of %q", r.Proof, rows[i].Proof)
		}
		signed = signed || (r.Purpose == "mail" && rows[i].Proof == "MailboxConfirmed" && r.Proof == "Signed")
	}
	if !signed {
		t.Error("nobody has the proof that the purpose asks for")
	}
	if none := consents(nil, b, now); len(none) != 0 {
		t.Errorf("%v came of nothing", none)
	}
}

func TestItWaitsForWhatWasImported(t *testing.T) {
	h := start(t, samples(t), nil)
	_, feeds := h.sidecars[dashboard].follower.InForce()
	for l, f := range feeds {
		if !h.fresh(map[string]consent.Position{l.Controller: f.Position()}) || h.fresh(map[string]consent.Position{l.Controller: f.Position() + 1}) {
			t.Error("it does not tell a feed that has everything from one that lacks something")
		}
	}
	if len(feeds) == 0 {
		t.Error("no ledger is followed")
	}
}
