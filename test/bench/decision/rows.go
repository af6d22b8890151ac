package decision

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// Suite measures decisions.
func Suite() harness.Suite {
	const big = "decision from a hashed identifier, 10M people x 8 purposes, random people"
	const few = "decision from a hashed identifier, 20,000 people x 8 purposes"
	return harness.Suite{
		Name: "decision",
		Rows: []harness.Row{
			{ID: "decision.tag", What: big, Unit: "ns", Peer: peerMap, Must: harness.AtMost(0.6)},
			{ID: "decision.allocations", What: "objects allocated for a decision", Unit: "objects", Must: harness.OwnAtMost(0)},
			{ID: "decision.email", What: "decision from a raw e-mail address, 10M people", Unit: "ns", Peer: "a bare keyed hash and 1.5 decisions one at a time", Must: harness.AtMost(1)},
			{ID: "decision.batch", What: "decisions about 1,000 records, for each record", Unit: "ns", Peer: "decisions one at a time", Must: harness.AtMost(0.5)},
			{ID: "decision.casbin", What: few, Unit: "ns", Peer: peerCasbin, Must: harness.AtMost(1. / 3)},
			{ID: "decision.cedar", What: few, Unit: "ns", Peer: peerCedar, Must: harness.AtMost(1. / 20)},
			{ID: "decision.opa", What: few, Unit: "ns", Peer: peerOPA, Must: harness.AtMost(1. / 80)},
		},
		Measure: measure,
	}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (map[string]harness.Samples, error) {
	out := map[string]harness.Samples{}
	var wrong error
	if asked.Any("decision.tag", "decision.allocations", "decision.email", "decision.batch") {
		wrong = large(ctx, env, out)
	}
	if asked.Any("decision.casbin", "decision.cedar", "decision.opa") {
		wrong = errors.Join(wrong, small(ctx, env, out))
	}
	return out, wrong
}

// records that a batch has.
const records = 1000

// questionsOf are what is asked of the large population, in the forms that sides take.
type questionsOf struct {
	all    []people.Question
	tags   []consent.Tag
	emails [][]byte
	// plain are the very bytes that tags are made of.
	plain [][]byte
}

func large(ctx context.Context, env *harness.Env, out map[string]harness.Samples) error {
	p := people.Population{Count: env.Size(10_000_000, 20_000), Seed: env.Seed, Expiring: people.Expiring}
	env.Say("decision: filling a table and a map with %d people", p.Count)
	table, peer, err := fill(p)
	if err != nil {
		return err
	}
	q, err := ask(p, env.Size(1000, 20)*records)
	if err != nil {
		return err
	}
	tagger := ours.Tagger()
	mac, sum := hmac.New(sha256.New, ours.Key), make([]byte, 0, sha256.Size)
	states, answers := make([]facts.State, records), make([]bool, records)
	all, tagged := q.all, q.tags
	sides := []side{
		{"ours", 1, func(i int) (bool, error) { return table.Allowed(&tagged[i], all[i].Purpose), nil }},
		{peerMap, 1, func(i int) (bool, error) { return peer[tagged[i]]>>all[i].Purpose&1 == 1, nil }},
		{"from e-mail addresses", 1, func(i int) (bool, error) { return table.AllowedEmail(tagger, q.emails[i], all[i].Purpose) }},
		{"in batches", 1, func(i int) (bool, error) {
			if i%records == 0 {
				table.Batch(tagged[i:i+records], all[i].Purpose, states, answers)
			}
			return answers[i%records], nil
		}},
	}
	// A batch is about one purpose, as a list is.
	for i := range all {
		all[i].Purpose = all[i/records*records].Purpose
	}
	env.Say("decision: %d questions to each side", len(all))
	measured := make([]harness.Side, 0, len(sides)+1)
	right := 0
	for i := range all {
		if p.Right(all[i]) {
			right++
		}
	}
	for _, s := range sides {
		measured = append(measured, harness.Side{Name: s.name, Run: func(int) (float64, error) {
			found := 0
			ns := harness.Time(len(all), func() {
				for i := range all {
					ok, _ := s.ask(i)
					found += one(ok)
				}
			})
			if found != right {
				return 0, fmt.Errorf("%d times yes instead of %d", found, right)
			}
			return ns, nil
		}})
	}
	measured = append(measured, harness.Side{Name: "a bare keyed hash", Run: func(int) (float64, error) {
		return harness.Time(len(all), func() {
			for i := range all {
				mac.Reset()
				mac.Write(q.plain[i])
				sum = mac.Sum(sum[:0])
			}
		}), nil
	}})
	measured = append(measured, harness.Side{Name: "the table alone", Run: func(int) (float64, error) {
		known := 0
		ns := harness.Time(len(all), func() {
			for i := range all {
				if table.Facts.LookupAt(&tagged[i]).Known() {
					known++
				}
			}
		})
		if known == 0 {
			return 0, errors.New("the table knows nobody")
		}
		return ns, nil
	}})
	// A request has one question, and an address has to be hashed before there is one: nothing else is on its way meanwhile. In the loops above the
	// processor works on several at a time.
	measured = append(measured, harness.Side{Name: "one at a time", Run: func(int) (float64, error) {
		found, before := 0, 0
		ns := harness.Time(len(all), func() {
			for i := range all {
				j := i ^ before&nothing
				before = one(table.Allowed(&tagged[j], all[j].Purpose))
				found += before
			}
		})
		if found != right {
			return 0, fmt.Errorf("%d times yes instead of %d", found, right)
		}
		return ns, nil
	}})
	got, err := harness.Turns(ctx, env.Rounds, measured...)
	if err != nil {
		return err
	}
	single := got[6]
	bound := make([]float64, len(single))
	for i := range bound {
		bound[i] = got[4][i] + 1.5*single[i]
	}
	stats := table.Facts.Stats()
	out["decision.tag"] = harness.Samples{Ours: got[0], Peer: got[1], Absolutes: map[string]float64{
		"people": float64(p.Count), "combinations": float64(stats.Combinations), "questions": float64(len(all)),
		"ns look-up in the table alone": harness.Median(got[5]),
	}}
	out["decision.email"] = harness.Samples{Ours: got[2], Peer: bound, Absolutes: map[string]float64{"ns keyed hash": harness.Median(got[4])}}
	out["decision.batch"] = harness.Samples{Ours: got[3], Peer: single, Absolutes: map[string]float64{"ns single decisions in a loop": harness.Median(got[0])}}
	allocated := harness.Allocations(func() {
		for i := range all {
			table.Allowed(&tagged[i], all[i].Purpose)
		}
	})
	// A decision in a thousand may find the runtime at work.
	each := math.Round(1000*float64(allocated)/float64(len(all))) / 1000
	out["decision.allocations"] = harness.Samples{Ours: []float64{each}, Absolutes: map[string]float64{"objects in all": float64(allocated)}}
	return nil
}

// one is 1 for yes, without a branch: nobody could foresee which way it goes, and what it costs to guess wrong is nobody's to answer for.
func one(yes bool) (n int) {
	if yes {
		n = 1
	}
	return n
}

// nothing is 0, which the compiler does not know.
var nothing int

// fill makes a table and a map of the same people.
func fill(p people.Population) (*ours.Table, map[consent.Tag]uint64, error) {
	tags, err := ours.Tags(p.Count)
	if err != nil {
		return nil, nil, err
	}
	table, err := ours.Build(p, func(i int) consent.Tag { return tags[i] })
	if err != nil {
		return nil, nil, err
	}
	peer := make(map[consent.Tag]uint64, p.Count)
	for i := range tags {
		x := p.Person(i)
		peer[tags[i]] = x.Bits()
	}
	return table, peer, nil
}

func ask(p people.Population, n int) (questionsOf, error) {
	q := questionsOf{all: p.Questions(n), tags: make([]consent.Tag, n), emails: make([][]byte, n), plain: make([][]byte, n)}
	t := ours.Tagger()
	for i, one := range q.all {
		address := people.Email(one.Person)
		q.emails[i], q.plain[i] = []byte(address), fmt.Appendf(nil, "%s\x00%s\x00%s", consent.IdentifierEmail, consent.FormPlain, address)
		var err error
		if q.tags[i], err = t.Tag(ours.Email(one.Person)); err != nil {
			return q, err
		}
	}
	return q, nil
}
