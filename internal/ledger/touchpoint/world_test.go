package touchpoint_test

import (
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

const shop = "Example Shop GmbH"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return start.AddDate(0, 0, n) }

// purpose rests on consent to one processing.
func purpose(name consent.PurposeID, x ir.Processing, channels ...consent.Channel) ir.Purpose {
	return ir.Purpose{
		Name: name, Controller: shop, Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{x}, Channels: channels,
		Objection: ir.ObjectionDirectMarketing,
	}
}

// wording covers a purpose as it is.
func wording(name consent.NoticeID, of ...ir.Purpose) ir.Notice {
	n := ir.Notice{Name: name, Controller: shop}
	for _, p := range of {
		n.Purposes, n.Processing, n.Channels = append(n.Purposes, p.Name), append(n.Processing, p.Processing...), append(n.Channels, p.Channels...)
	}
	return n
}

// world is a shop with a form, an account page, a mail with a link and a call centre. The form offers the newsletter, then evaluation of
// reactions, then an upload to an ad network; or calls to whoever wants them.
func world() *ir.Bundle {
	news := purpose("newsletter", ir.ProcessingSend, consent.ChannelEmail)
	news.Proofs = []consent.Proof{consent.ProofMailboxConfirmed}
	news.ValidForDays = 730
	profiling, upload := purpose("profiling", ir.ProcessingProfile), purpose("upload", ir.ProcessingDisclose)
	calls, health, club := purpose("calls", ir.ProcessingSend, consent.ChannelPhone), purpose("health", ir.ProcessingProfile), purpose("club", ir.ProcessingSend, consent.ChannelEmail)
	health.Special, health.Grounds = []string{"pd:MedicalHealth"}, []ir.Ground{ir.GroundSpecialCategoryConsent}
	club.MinimumAge = 16
	research := purpose("research", ir.ProcessingAnalyse)
	research.Objection = ir.ObjectionOwnSituation
	invoice := purpose("invoice", ir.ProcessingSend, consent.ChannelEmail)
	invoice.Grounds, invoice.Objection = []ir.Ground{ir.GroundContract}, ir.ObjectionNone
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "consent", Workload: "ConsentLedger/main", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30000,
		Purposes: []ir.Purpose{calls, club, health, invoice, news, profiling, research, upload},
		Notices: []ir.Notice{
			wording("news-v1", news), wording("news-v2", news), wording("profiling-v1", profiling), wording("upload-v1", upload), wording("calls-v1", calls),
			wording("health-v1", health), wording("health-news-v1", health, news), wording("club-v1", club), wording("research-v1", research),
			wording("invoice-v1", invoice), wording("all-v1", news, profiling),
		},
	}
	notice := func(name consent.NoticeID) *ir.Notice {
		for i := range b.Notices {
			if b.Notices[i].Name == name {
				return &b.Notices[i]
			}
		}
		return nil
	}
	notice("upload-v1").Recipients = []string{"Ad Network Ltd"}
	notice("news-v2").Recipients = []string{"Partner GmbH"}
	notice("health-v1").Special, notice("health-news-v1").Special = health.Special, health.Special
	at := func(name string, place ir.Place, proof consent.Proof, optIn []consent.NoticeID, ladder ...ir.LadderStep) {
		b.Touchpoints = append(b.Touchpoints, ir.Touchpoint{
			Name: "shop/" + name, Controller: shop, Place: place, OptIn: optIn, Ladder: ladder, CoolDownDays: 180, DeferDays: 14,
			Confirmation: &ir.Confirmation{Proof: proof, ValidForHours: 48, AgainAfterHours: 24},
		})
	}
	mailbox, session := consent.ProofMailboxConfirmed, consent.ProofAuthenticatedSession
	at("form", ir.PlaceWebForm, mailbox, []consent.NoticeID{"news-v1"},
		ir.LadderStep{Notice: "profiling-v1", After: []consent.NoticeID{"news-v1"}}, ir.LadderStep{Notice: "upload-v1", After: []consent.NoticeID{"profiling-v1"}})
	at("account", ir.PlaceAccount, session, []consent.NoticeID{"calls-v1"}, ir.LadderStep{Notice: "profiling-v1"})
	at("both", ir.PlaceWebForm, mailbox, []consent.NoticeID{"all-v1", "upload-v1", "profiling-v1"})
	at("mail", ir.PlaceMailLink, mailbox, []consent.NoticeID{"profiling-v1"}, ir.LadderStep{Notice: "upload-v1"})
	at("survey", ir.PlaceMailLink, mailbox, []consent.NoticeID{"research-v1"})
	at("calls", ir.PlaceCallCentre, session, []consent.NoticeID{"profiling-v1"})
	at("file", ir.PlaceImport, mailbox, []consent.NoticeID{"news-v1"})
	at("clinic", ir.PlaceWebForm, mailbox, []consent.NoticeID{"health-v1"})
	at("muddle", ir.PlaceWebForm, mailbox, []consent.NoticeID{"health-news-v1"})
	at("club", ir.PlaceWebForm, mailbox, []consent.NoticeID{"club-v1"})
	at("wider", ir.PlaceWebForm, mailbox, []consent.NoticeID{"news-v2"})
	at("nothing", ir.PlaceWebForm, mailbox, []consent.NoticeID{"invoice-v1"})
	return b
}

func touchpointOf(b *ir.Bundle, name string) *ir.Touchpoint {
	for i := range b.Touchpoints {
		if b.Touchpoints[i].Name == "shop/"+name {
			return &b.Touchpoints[i]
		}
	}
	panic("no touchpoint " + name)
}

// history folds events, one a day from the start on, unless they say when.
func history(events ...consent.Event) *consent.Record {
	for i := range events {
		events[i].Position = consent.Position(i + 1)
		if events[i].At.IsZero() {
			events[i].At = day(i)
		}
		if events[i].BasedOn == 0 {
			events[i].BasedOn = consent.Position(i)
		}
	}
	return consent.Fold(events)
}

func given(p consent.PurposeID, n consent.NoticeID) consent.Event {
	return consent.Event{Type: consent.EventGiven, Actor: consent.ActorPerson, Purpose: p, Notice: n, Proof: consent.ProofMailboxConfirmed}
}

func pending(p consent.PurposeID, n consent.NoticeID) consent.Event {
	return consent.Event{Type: consent.EventGiven, Actor: consent.ActorTouchpoint, Purpose: p, Notice: n, Pending: true, Touchpoint: "shop/form"}
}

func said(e consent.EventType, p consent.PurposeID) consent.Event {
	return consent.Event{Type: e, Actor: consent.ActorPerson, Purpose: p}
}
