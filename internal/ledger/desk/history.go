package desk

import (
	"context"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// maxEvents bounds the events of one page.
const maxEvents = 500

// events are what the log holds about the person, the newest first.
func (d *Desk) events(ctx context.Context, who pages.Who) ([]consent.Event, error) {
	logged, err := d.History.History(ctx, who.Tags, 0, maxEvents)
	if err != nil {
		return nil, err
	}
	out := make([]consent.Event, 0, len(logged))
	for _, l := range logged {
		e, err := store.DecodeEntry(l.Entry)
		if err != nil {
			return nil, err
		}
		out = append(out, e.Event)
	}
	return out, nil
}

// history puts events into words.
func (s *sight) history(events []consent.Event) []pages.Entry {
	grants := map[consent.Position]consent.PurposeID{}
	for _, e := range events {
		if e.Purpose != "" {
			grants[e.Position] = e.Purpose
		}
	}
	out := make([]pages.Entry, 0, len(events))
	for _, e := range events {
		purpose := e.Purpose
		if purpose == "" {
			purpose = grants[e.Grant]
		}
		one := pages.Entry{Position: e.Position, At: e.At, Type: e.Type, Notice: e.Notice, Actor: e.Actor, Proof: e.Proof}
		if purpose != "" {
			one.Purpose = s.words.purpose(purpose, s.language)
		}
		out = append(out, one)
	}
	return out
}

// export is everything that is known about a person (GDPR Art. 15, 20).
type export struct {
	Controller string           `json:"controller"`
	At         time.Time        `json:"at"`
	Position   consent.Position `json:"position"`
	// Agreed are the grants with their words; Events is what happened, as the log has it.
	Agreed []exportedGrant `json:"grants"`
	Events []consent.Event `json:"events"`
	Record *consent.Record `json:"record"`
	// Uses are what the data was used for, and by whom; those that were withheld, too. More tells that there are older ones.
	Uses []exportedUse `json:"uses"`
	More bool          `json:"more,omitempty"`
}

type exportedGrant struct {
	Position consent.Position  `json:"position"`
	Purpose  consent.PurposeID `json:"purpose"`
	Title    string            `json:"title"`
	Notice   consent.NoticeID  `json:"notice"`
	Language string            `json:"language,omitempty"`
	Wording  string            `json:"wording,omitempty"`
	SHA256   string            `json:"sha256,omitempty"`
	Status   consent.Status    `json:"status"`
	Proof    consent.Proof     `json:"proof,omitempty"`
	Since    time.Time         `json:"since"`
	Where    string            `json:"touchpoint,omitempty"`
}

type exportedUse struct {
	At        time.Time         `json:"at"`
	Decision  string            `json:"decision"`
	Purpose   consent.PurposeID `json:"purpose"`
	Recipient string            `json:"recipient"`
	Service   string            `json:"service"`
	By        string            `json:"by"`
	Withheld  bool              `json:"withheld,omitempty"`
	Reason    string            `json:"reason"`
}

// Export implements pages.Desk.
func (d *Desk) Export(ctx context.Context, who pages.Who, language string) (any, error) {
	s, err := d.look(ctx, who, language)
	if err != nil {
		return nil, err
	}
	out := export{Controller: d.Controller(), At: s.at, Position: s.position, Record: s.record}
	if out.Events, err = d.events(ctx, who); err != nil {
		return nil, err
	}
	for i := range s.record.Grants {
		g := s.grant(&s.record.Grants[i])
		out.Agreed = append(out.Agreed, exportedGrant{
			Position: g.Position, Purpose: g.Purpose.ID, Title: g.Purpose.Title.Text, Notice: g.Notice.ID, Language: g.Notice.Text.Language,
			Wording: g.Notice.Text.Text, SHA256: g.Notice.SHA256, Status: g.Status, Proof: g.Proof, Since: g.Since, Where: g.Touchpoint,
		})
	}
	uses, err := d.Store.UsesOf(ctx, who.Tags, wire.DecisionID{}, maxUses)
	if err != nil {
		return nil, err
	}
	out.More = len(uses) == maxUses
	for i := range uses {
		u := &uses[i]
		out.Uses = append(out.Uses, exportedUse{
			At: u.Decision.At, Decision: u.Decision.ID.String(), Purpose: u.Decision.Purpose, Recipient: recipient(u), Service: u.Decision.Service,
			By: u.Decision.Namespace + "/" + u.Decision.Workload, Withheld: withheld(u), Reason: u.Reason,
		})
	}
	return out, nil
}

// Receipt implements pages.Desk.
func (d *Desk) Receipt(context.Context, pages.Who, consent.Position) (any, error) {
	return nil, pages.ErrNotOffered
}
