package api

import (
	"context"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/recall"
	"github.com/optup/optup/internal/ledger/store"
)

// Answers are what officers were told about people, as long as it is right.
type Answers = recall.Memory[*answered]

type reading = recall.Reading[*answered]

// NewAnswers returns the memory of a store. Its Changed has to be told of every change of the store from now on (see recall.Tell).
func NewAnswers(ctx context.Context, s store.Store) (*Answers, error) {
	return recall.New[*answered](ctx, s, recall.DefaultLimit)
}

// answered is what was answered about who is known by a tag; nil where nobody is.
type answered struct {
	body []byte
	// bundle is what was answered by. The answer holds from an instant on, and until another one, which is zero for none.
	bundle      *ir.Bundle
	from, until time.Time
}

func (a *answered) size() int {
	if a == nil {
		return 0
	}
	return cap(a.body) + 64
}

// moment is what an answer depends on besides the record.
type moment struct {
	bundle *ir.Bundle
	t      time.Time
}

func (a *answered) holds(now moment) bool {
	return a.bundle == now.bundle && !now.t.Before(a.from) && (a.until.IsZero() || now.t.Before(a.until))
}

// recalled gives the answer that is remembered about whom tags name, and whether that is anybody; nil for none.
func (a *API) recalled(tags []consent.Tag, head store.Head, now moment) (body []byte, known bool) {
	for i, tag := range tags {
		one, ok := a.Answers.Get(tag, head)
		switch {
		case !ok, one != nil && (i > 0 || !one.holds(now)):
			return nil, false
		case one != nil:
			return one.body, true
		}
	}
	if b := a.nobody.Load(); b != nil && b.bundle == now.bundle {
		return b.body, false
	}
	return nil, false
}

// lasts gives the first instant at which what is decided about a record may become another; zero for never.
func lasts(b *ir.Bundle, r *consent.Record, now time.Time) (end time.Time) {
	visit := func(t time.Time) {
		if t.After(now) && (end.IsZero() || t.Before(end)) {
			end = t
		}
	}
	for i := range r.Relationships {
		visit(r.Relationships[i].Since)
	}
	for i := range r.Grants {
		visit(r.Grants[i].Since)
	}
	if b == nil {
		return end
	}
	for i := range b.Purposes {
		p := &b.Purposes[i]
		for j := range r.Grants {
			if g := &r.Grants[j]; g.Purpose == p.Name && (p.ValidForDays > 0 || p.UnusedForDays > 0) {
				expired, unused := decide.Ends(p, g, r.Used[p.Name])
				visit(expired)
				visit(unused)
			}
		}
	}
	return end
}
