package keys

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Told is what subscribers are told about keys.
type Told struct {
	// Number counts the key whose tags the stream carries, and ID names it.
	Number int
	ID     string
	// Key is the first key, and Later are those since.
	Key   []byte
	Later [][]byte
}

// Scheme is the one that tags are made under now.
func (s *Stream) Scheme() store.Scheme { return *s.scheme.Load() }

// Knows is how many root keys the process has.
func (s *Stream) Knows() int { return len(s.ids) }

// Follow has tags made under the scheme of the log, as it was read. It tells whether subscribers have to be told of another key, and fails with
// store.ErrKey where this process lacks it: nothing that it would tell holds any more then.
func (s *Stream) Follow(now store.Scheme) (again bool, err error) {
	if now.Newest() > s.Knows() {
		return false, store.ErrKey
	}
	for {
		before := s.scheme.Load()
		if !now.After(*before) {
			return false, nil // it was read before somebody else read a later one
		}
		if s.scheme.CompareAndSwap(before, &now) {
			return before.Current != now.Current, nil
		}
	}
}

// Told gives what subscribers are told now.
func (s *Stream) Told() Told {
	n := s.Scheme().Current
	t := Told{Number: n, ID: s.ids[n-1], Key: s.Bytes()}
	for _, k := range s.later[:n-1] {
		t.Later = append(t.Later, slices.Clone(k))
	}
	return t
}

func (s *Stream) chain() []*consent.Retagger {
	out := make([]*consent.Retagger, len(s.later))
	for i, k := range s.later {
		out[i], _ = consent.NewRetagger(k, i+2) // derived keys are long enough
	}
	return out
}

// Complete is a store.Completer.
func (s *Stream) Complete(id *store.Identity, to store.Scheme) error {
	if to.Newest() > s.Knows() {
		return store.ErrKey
	}
	// The tags of the newest key that they were made under lead to all that come after it.
	have := id.Scheme
	newest := id.Tags
	if pairs := id.Pairs(); pairs > 0 {
		if newest = id.Tags[:pairs]; have.Other > have.Current {
			newest = id.Tags[pairs:]
		}
	}
	under := map[int][]consent.Tag{have.Newest(): newest}
	if id.First != nil {
		under[1] = id.First
	}
	chain := s.chains.Get().([]*consent.Retagger)
	defer s.chains.Put(chain) //nolint:staticcheck // a slice of pointers, made once
	for n := 2; n <= to.Newest(); n++ {
		if under[n] != nil || under[n-1] == nil {
			continue
		}
		tags := make([]consent.Tag, len(under[n-1]))
		for i, t := range under[n-1] {
			tags[i] = chain[n-2].Retag(t)
		}
		under[n] = tags
	}
	if under[to.Current] == nil || under[to.Other] == nil {
		return nil // they were made under a later scheme, which has what this one needs
	}
	id.Scheme, id.Twice, id.Tags = to, to.Current != to.Other, slices.Clone(under[to.Current])
	if id.Twice {
		id.Tags = append(id.Tags, under[to.Other]...)
	}
	return nil
}

// Missing gives those of the tags of an identity that lack their twin under the next key, and the twins, while a key is introduced.
func (s *Stream) Missing(tags []consent.Tag, now store.Scheme) (old, twins []consent.Tag) {
	if now.Current >= now.Other || now.Other > s.Knows() {
		return nil, nil
	}
	chain := s.chains.Get().([]*consent.Retagger)
	defer s.chains.Put(chain) //nolint:staticcheck // a slice of pointers, made once
	have := make(map[consent.Tag]bool, len(tags))
	for _, t := range tags {
		have[t] = true
	}
	made := map[consent.Tag]bool{}
	twin := make([]consent.Tag, len(tags))
	for i, t := range tags {
		twin[i] = chain[now.Other-2].Retag(t)
		made[twin[i]] = true
	}
	for i, t := range tags {
		older := now.Current > 1 && have[chain[now.Current-2].Retag(t)] // it has a twin under the current key, which is what counts
		if !made[t] && !older && !have[twin[i]] {
			old, twins = append(old, t), append(twins, twin[i])
		}
	}
	return old, twins
}

// OfFirst gives the identity of tags under the first key, as tokens hold them: who has one may be known by now, or not.
func (s *Stream) OfFirst(first []consent.Tag, kind consent.IdentifierType) store.Identity {
	id := store.Identity{Tags: first, First: first, Type: kind, Plain: true, Scheme: store.First}
	if now := s.Scheme(); now != store.First {
		_ = s.Complete(&id, now) // a scheme that this process follows is one whose keys it has
	}
	return id
}

// Every gives the tags of an identifier under all keys, for whoever reads entries of the log, which keep those that they were written with.
func (s *Stream) Every(i consent.Identifier) ([]consent.Tag, error) {
	id, err := s.Identity(i)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(id.First)
	under := store.Identity{Tags: id.First, Scheme: store.First}
	for n := 2; n <= s.Knows(); n++ {
		under.First = nil
		if err := s.Complete(&under, store.Scheme{Current: n, Other: n}); err != nil {
			return nil, err
		}
		all = append(all, under.Tags...)
	}
	return all, nil
}
