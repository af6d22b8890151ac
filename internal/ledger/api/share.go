package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
)

const (
	// smallest is the smallest number of people about whom a figure leaves the ledger.
	smallest = 10
	// shareAge is how long a count is given again while nothing was appended. Grants expire meanwhile, by days and not by seconds.
	shareAge = 30 * time.Second
)

// usable is the answer about usable shares.
type usable struct {
	Position consent.Position `json:"position"`
	// People is how many people the ledger knows; left out below 10.
	People *int64 `json:"people,omitempty"`
	Shares []cell `json:"shares"`
}

// cell is one share. Counts of fewer than 10 people are left out.
type cell struct {
	Purpose    consent.PurposeID `json:"purpose"`
	Processing ir.Processing     `json:"processing"`
	Permitted  *int64            `json:"permitted,omitempty"`
	Population *int64            `json:"population,omitempty"`
	// Share is text for people, for example 34.1%, or <10 people where a count is left out.
	Share string `json:"share"`
}

type shareCache struct {
	mu         sync.Mutex
	bundle     *ir.Bundle
	head       store.Head
	population int64
	at         time.Time
	value      *usable
}

// usableShare answers GET /v1/usable-share. Counts are made by the functions that enforce, one at a time.
func (a *API) usableShare(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	bundle := a.Bundle()
	if bundle == nil {
		return problem.Unavailable("the ledger has no purposes and notices yet; they come from the manager, or from --bundle")
	}
	var declared int64
	if p := a.Guard.Config().Population; p != nil {
		declared = p.People
	}
	a.share.mu.Lock()
	defer a.share.mu.Unlock()
	head, err := a.Store.Head(r.Context())
	if err != nil {
		return err
	}
	c, now := &a.share, a.Now()
	if c.value == nil || c.bundle != bundle || c.head != head || c.population != declared || now.Sub(c.at).Abs() > shareAge {
		value, err := a.countShares(r.Context(), bundle, declared)
		if err != nil {
			return err
		}
		c.bundle, c.head, c.population, c.at, c.value = bundle, head, declared, now, value
	}
	return answer(w, http.StatusOK, c.value)
}

// countShares asks decide about every person. Those of the population whom the ledger has never seen count as what they are:
// people without a record. Where more people are known than were declared, the known ones are the population.
func (a *API) countShares(ctx context.Context, b *ir.Bundle, declared int64) (*usable, error) {
	head, err := a.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	now := decide.Now{Ledger: stream.LedgerTime(a.Now(), head), Position: head.Position}
	all := plans(b)
	permitted := make([]int64, len(all))
	people, group := int64(0), int64(0)
	one := make([]bool, len(all)) // by which purposes the person may be reached under some identity
	head, err = a.Store.Snapshot(ctx, func(p store.Person) error {
		if people == 0 || p.Group != group {
			people, group = people+1, p.Group
			clear(one)
		}
		facts := factsOf(p.Record, now.Ledger)
		for i, plan := range all {
			if !one[i] && plan.Person(facts, decide.Collected{}, now).Permit() {
				one[i] = true
				permitted[i]++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	population := max(declared, people)
	never := factsOf(&consent.Record{}, now.Ledger)
	out := &usable{Position: head.Position, People: count(people), Shares: make([]cell, 0, len(all))}
	for i, plan := range all {
		if plan.Person(never, decide.Collected{}, now).Permit() {
			permitted[i] += population - people
		}
		c := cell{Purpose: plan.Purpose.Name, Processing: plan.Endpoint.Processing[0], Share: "<10 people"}
		if c.Permitted, c.Population = count(permitted[i]), count(population); c.Permitted != nil && c.Population != nil {
			c.Share = fmt.Sprintf("%.1f%%", 100*float64(permitted[i])/float64(population))
		}
		out.Shares = append(out.Shares, c)
	}
	return out, nil
}

// count leaves out what is about fewer than 10 people.
func count(n int64) *int64 {
	if n < smallest {
		return nil
	}
	return &n
}
