package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// maxEvents bounds the events of one page, maxExportedUses about how many uses an export holds.
const (
	maxEvents       = 500
	maxExportedUses = 50_000
)

// events are what the log holds about the person below a position (0 for all), the newest first.
func (d *Desk) events(ctx context.Context, who pages.Who, before consent.Position) ([]consent.Event, error) {
	logged, err := d.History.History(ctx, d.identity(who).Tags, before, maxEvents)
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

// history puts events into words, and says of which there are receipts, if there are any.
func (s *sight) history(events []consent.Event, receipts bool) []pages.Entry {
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
		one := pages.Entry{Position: e.Position, At: e.At, Type: e.Type, Notice: e.Notice, Actor: e.Actor, Proof: e.Proof, Receipt: receipts && offered(e)}
		if purpose != "" {
			one.Purpose = s.words.purpose(purpose, s.language)
		}
		out = append(out, one)
	}
	return out
}

// state is what holds for a person now.
type state struct {
	Controller string           `json:"controller"`
	At         time.Time        `json:"at"`
	Position   consent.Position `json:"position"`
	// Agreed are the grants with their words.
	Agreed []exportedGrant `json:"grants"`
	Record *consent.Record `json:"record"`
}

// export is everything that is known about a person (GDPR Art. 15, 20).
type export struct {
	state
	// Events is what happened, as the log has it, the newest first.
	Events []consent.Event `json:"events"`
	// Recipients are who really got the data, from the use records; Uses what it was used for, those that were withheld, too, the newest
	// first. More tells that there are older uses.
	Recipients []exportedRecipient `json:"recipients"`
	Uses       []exportedUse       `json:"uses"`
	More       bool                `json:"more,omitempty"`
}

type exportedRecipient struct {
	Recipient string              `json:"recipient"`
	Purposes  []consent.PurposeID `json:"purposes"`
	Uses      int                 `json:"uses"`
	First     time.Time           `json:"first"`
	Last      time.Time           `json:"last"`
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

// State gives what holds for a person now, to be written as JSON: what they agreed to, in words, and their record.
func (d *Desk) State(ctx context.Context, who pages.Who, language string) (any, error) {
	return d.state(ctx, who, language)
}

func (d *Desk) state(ctx context.Context, who pages.Who, language string) (state, error) {
	s, err := d.look(ctx, who, language)
	if err != nil {
		return state{}, err
	}
	out := state{Controller: d.Controller(), At: s.at, Position: s.position, Record: s.record, Agreed: []exportedGrant{}}
	for i := range s.record.Grants {
		g := s.grant(&s.record.Grants[i])
		out.Agreed = append(out.Agreed, exportedGrant{
			Position: g.Position, Purpose: g.Purpose.ID, Title: g.Purpose.Title.Text, Notice: g.Notice.ID, Language: g.Notice.Text.Language,
			Wording: g.Notice.Text.Text, SHA256: g.Notice.SHA256, Status: g.Status, Proof: g.Proof, Since: g.Since, Where: g.Touchpoint,
		})
	}
	return out, nil
}

// Export implements pages.Desk.
func (d *Desk) Export(ctx context.Context, who pages.Who, language string) (any, error) {
	now, err := d.state(ctx, who, language)
	if err != nil {
		return nil, err
	}
	out := export{state: now, Events: []consent.Event{}, Recipients: []exportedRecipient{}, Uses: []exportedUse{}}
	for before := consent.Position(0); ; before = out.Events[len(out.Events)-1].Position {
		page, err := d.events(ctx, who, before)
		if err != nil {
			return nil, err
		}
		if out.Events = append(out.Events, page...); len(page) < maxEvents {
			break
		}
	}
	for before := (wire.DecisionID{}); ; {
		page, err := d.Store.UsesOf(ctx, d.identity(who).Tags, before, maxUses)
		if err != nil {
			return nil, err
		}
		for i := range page {
			out.use(&page[i])
		}
		if len(page) < maxUses {
			return out, nil
		}
		if before = page[len(page)-1].Decision.ID; len(out.Uses) >= maxExportedUses {
			out.More = true
			return out, nil
		}
	}
}

// use adds a use, which is older than those before, and whoever got the data.
func (x *export) use(u *store.Use) {
	x.Uses = append(x.Uses, exportedUse{
		At: u.Decision.At, Decision: u.Decision.ID.String(), Purpose: u.Decision.Purpose, Recipient: recipient(u), Service: u.Decision.Service,
		By: u.Decision.Namespace + "/" + u.Decision.Workload, Withheld: withheld(u), Reason: u.Reason,
	})
	if withheld(u) || recipient(u) == "" {
		return
	}
	i := slices.IndexFunc(x.Recipients, func(r exportedRecipient) bool { return r.Recipient == recipient(u) })
	if i < 0 {
		i = len(x.Recipients)
		x.Recipients = append(x.Recipients, exportedRecipient{Recipient: recipient(u), First: u.Decision.At, Last: u.Decision.At})
	}
	r := &x.Recipients[i]
	r.Uses++
	if u.Decision.At.Before(r.First) {
		r.First = u.Decision.At
	}
	if u.Decision.At.After(r.Last) {
		r.Last = u.Decision.At
	}
	if !slices.Contains(r.Purposes, u.Decision.Purpose) {
		r.Purposes = append(r.Purposes, u.Decision.Purpose)
	}
}

// offered tells whether a person gets a receipt of an event. What officers put right names them, and stays with those whom they work for.
func offered(e consent.Event) bool { return e.By == "" && e.ApprovedBy == "" }

// Receipt implements pages.Desk. Whoever asks for the receipt of somebody else's event is told what they are told of one that never was.
func (d *Desk) Receipt(ctx context.Context, who pages.Who, p consent.Position) (any, error) {
	if d.Receipts == nil || p == 0 {
		return nil, pages.ErrNotOffered
	}
	// The newest of the person's events up to there is this one, or it is not theirs.
	newest, err := d.History.History(ctx, d.identity(who).Tags, p+1, 1)
	if err != nil {
		return nil, err
	}
	if len(newest) == 0 || newest[0].Position != p {
		return nil, pages.ErrNotOffered
	}
	entry, err := store.DecodeEntry(newest[0].Entry)
	if err != nil {
		return nil, err
	}
	if !offered(entry.Event) {
		return nil, pages.ErrNotOffered
	}
	out, err := d.Receipts.Of(ctx, p)
	if errors.Is(err, receipt.ErrErased) {
		return nil, pages.ErrNotOffered
	}
	return out, err
}
