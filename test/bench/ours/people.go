package ours

import (
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/test/bench/people"
)

// Key of all tags. Benchmarks have no secrets.
var Key = []byte("a key of 32 bytes for benchmarks")

// Tagger makes tags as the sidecar does.
func Tagger() *consent.Tagger {
	t, err := consent.NewTagger(Key)
	if err != nil {
		panic(err) // the key is long enough
	}
	return t
}

// Email is the identifier of a person, by number.
func Email(i int) consent.Identifier {
	return consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: people.Email(i)}
}

// Tags makes the tags of so many people, on all cores.
func Tags(n int) ([]consent.Tag, error) {
	out := make([]consent.Tag, n)
	var group errgroup.Group
	workers := runtime.NumCPU()
	for w := range workers {
		group.Go(func() error {
			t := Tagger()
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				var err error
				if out[i], err = t.Tag(Email(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return out, group.Wait()
}

// Timed are the purposes for which times count.
var Timed = decide.Timed(Bundle())

// Reduced are the facts about a person without what no decision under the bundle needs, as a ledger sends them.
func Reduced(p *people.Person) map[consent.PurposeID]consent.Fact {
	out := p.Facts()
	for id, f := range out {
		if short, ok := decide.Reduce(f, slices.Contains(Timed, id)); ok {
			out[id] = short
		} else {
			delete(out, id)
		}
	}
	return out
}
