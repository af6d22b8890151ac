package decision

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/cedar-policy/cedar-go"
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// The names of the peers.
const (
	peerMap    = "Go map[[16]byte]uint64"
	peerCasbin = "casbin, cached hit"
	peerCedar  = "cedar-go"
	peerOPA    = "OPA, prepared query"
)

// small compares with engines that cannot hold more: the same questions to each, in the same order.
func small(ctx context.Context, env *harness.Env, out map[string]harness.Samples) error {
	p := people.Population{Count: env.Size(20_000, 300), Seed: env.Seed, Expiring: people.Expiring}
	questions := p.Questions(env.Size(20_000, 500))
	env.Say("decision: casbin, cedar-go and OPA get %d people", p.Count)
	tags, err := ours.Tags(2 * p.Count) // and as many whom nobody knows
	if err != nil {
		return err
	}
	table, err := ours.Build(p, func(i int) consent.Tag { return tags[i] })
	if err != nil {
		return err
	}
	subjects := make([]string, len(tags))
	for i := range tags {
		subjects[i] = hex.EncodeToString(tags[i][:])
	}
	casbin, err := newCasbin(p, subjects)
	if err != nil {
		return err
	}
	if err := casbin.warm(p, questions); err != nil {
		return err
	}
	cedarPeer, err := NewCedar(p, subjects)
	if err != nil {
		return err
	}
	opa, err := NewOPA(ctx, p, subjects)
	if err != nil {
		return err
	}
	// Requests are made before anything is measured, in the form that each engine takes.
	asked := make([]consent.Tag, len(questions))
	requests := make([]cedar.Request, len(questions))
	inputs := make([]ast.Value, len(questions))
	for i, q := range questions {
		asked[i], requests[i], inputs[i] = tags[q.Person], cedarPeer.request(q), opa.input(q)
	}
	sides := []side{
		{"ours", 20, func(i int) (bool, error) { return table.Allowed(&asked[i], questions[i].Purpose), nil }},
		{peerCasbin, 5, func(i int) (bool, error) { return casbin.allowed(questions[i]) }},
		{peerCedar, 1, func(i int) (bool, error) { return cedarPeer.allowed(requests[i]), nil }},
		{peerOPA, 1, func(i int) (bool, error) { return opa.allowed(ctx, inputs[i]) }},
	}
	got, err := turns(ctx, env, p, questions, sides)
	if err != nil {
		return err
	}
	absolutes := map[string]float64{"people": float64(p.Count), "rows": float64(casbin.rows()), "questions": float64(len(questions))}
	out["decision.casbin"] = harness.Samples{Ours: got[0], Peer: got[1], Absolutes: absolutes}
	out["decision.cedar"] = harness.Samples{Ours: got[0], Peer: got[2]}
	out["decision.opa"] = harness.Samples{Ours: got[0], Peer: got[3]}
	return nil
}

// side answers the question with a number. times is how often a round asks everything, so that fast sides take no blink.
type side struct {
	name  string
	times int
	ask   func(i int) (bool, error)
}

// turns has every side prove that it answers rightly, and measures them in turns.
func turns(ctx context.Context, env *harness.Env, p people.Population, questions []people.Question, sides []side) ([][]float64, error) {
	right, yes := make([]bool, len(questions)), 0
	for i, q := range questions {
		if right[i] = p.Right(q); right[i] {
			yes++
		}
	}
	var all []harness.Side
	for _, s := range sides {
		for i := range questions {
			if got, err := s.ask(i); err != nil || got != right[i] {
				return nil, fmt.Errorf("%s answers %v, %v instead of %v", s.name, got, err, right[i])
			}
		}
		all = append(all, harness.Side{Name: s.name, Run: func(int) (float64, error) {
			found := 0
			var failed error
			ns := harness.Time(len(questions)*s.times, func() {
				for range s.times {
					for i := range questions {
						ok, err := s.ask(i)
						if err != nil {
							failed = err
						}
						if ok {
							found++
						}
					}
				}
			})
			if found != yes*s.times {
				return 0, fmt.Errorf("%d times yes instead of %d", found, yes*s.times)
			}
			return ns, failed
		}})
	}
	return harness.Turns(ctx, env.Rounds, all...)
}
