package client

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
)

// View is what one snapshot and the changes since have told: facts, with the key and the purposes that belong to them. It is safe for
// concurrent use, and goes on to change until another snapshot takes its place.
type View struct {
	taggers  *sync.Pool
	purposes []consent.PurposeID
	table    *facts.Table
	// plain tells that nobody is known by a hashed identifier alone.
	plain atomic.Bool
}

// anew is a view of nothing, for what another snapshot tells.
func (v *View) anew() *View {
	return &View{taggers: v.taggers, purposes: v.purposes, table: facts.New()}
}

// Asked is an identifier that somebody asks for. The value may be changed once the call returns.
type Asked struct {
	Type  consent.IdentifierType
	Form  consent.Form
	Value []byte
}

// View gives what look-ups see; nil before the ledger was reached for the first time. Ask for the moment first (see Now).
func (f *Feed) View() *View { return f.view.Load() }

// Tells tells whether the ledger tells about a purpose at all. Where it does not, that nothing is known means nothing.
func (v *View) Tells(purpose consent.PurposeID) bool { return slices.Contains(v.purposes, purpose) }

// TellsAll tells whether the ledger tells about all of some purposes.
func (v *View) TellsAll(purposes []consent.PurposeID) bool {
	for _, p := range purposes {
		if !v.Tells(p) {
			return false
		}
	}
	return true
}

// Table is what states are of.
func (v *View) Table() *facts.Table { return v.table }

// State gives the state of an identifier: a number that stands for all that is known, also for that nothing is. It fails with
// consent.ErrIdentifier or ErrAmbiguous. It does not allocate.
//
// Somebody may be known by a hash of the identifier only, as when an ad network passed on an objection. So where the plain form is
// unknown, the forms that follow from it are tried, unless the ledger said that there is no such person. If these stand for people of whom different things are known, nobody can tell who is
// meant.
func (v *View) State(a Asked) (facts.State, error) {
	r := v.Look(a)
	return r.State, r.Err
}

// Look gives the state of an identifier as State does, and the tag that it was looked up by.
func (v *View) Look(a Asked) (r Result) {
	tagger := v.taggers.Get().(*consent.Tagger)
	defer v.taggers.Put(tagger)
	if r.Tag, r.Err = tagger.TagBytes(a.Type, a.Form, a.Value); r.Err != nil {
		return r
	}
	r.Tagged = true
	if r.State = v.table.LookupAt(&r.Tag); !r.State.Known() {
		r.State, r.Err = v.derived(tagger, &a)
	}
	return r
}

// derived finds somebody whose identifier is not known as it is.
func (v *View) derived(tagger *consent.Tagger, a *Asked) (facts.State, error) {
	found := v.table.Unknown()
	if (a.Form != consent.FormPlain && a.Form != "") || v.plain.Load() {
		return found, nil
	}
	for _, form := range [...]consent.Form{consent.FormSHA256, consent.FormMD5} {
		tag, err := tagger.Derived(a.Type, form, a.Value)
		if err != nil {
			return 0, err
		}
		switch s := v.table.LookupAt(&tag); {
		case !s.Known():
		case found.Known() && s != found:
			return 0, ErrAmbiguous
		default:
			found = s
		}
	}
	return found, nil
}

// Find gives the state of an identifier and what it stands for. The facts are shared and must not be changed.
func (v *View) Find(a Asked) (facts.State, facts.Combination, error) {
	for {
		s, err := v.State(a)
		if err != nil {
			return s, nil, err
		}
		if all, ok := v.table.Facts(s); ok {
			return s, all, nil
		}
		// The facts changed since the state was found, and nobody has the old ones any more.
	}
}

// Result is what Look and States find about one identifier: what State gives, and the tag where there is one, whether or not it is known.
type Result struct {
	State  facts.State
	Tag    consent.Tag
	Tagged bool
	Err    error
}

func (r *Result) tagged(tag *consent.Tag, err error) {
	r.State, r.Tag, r.Tagged, r.Err = 0, *tag, err == nil, err
}

// batch is what States needs room for.
type batch struct {
	tags   []consent.Tag
	states []facts.State
}

var batches = sync.Pool{New: func() any { return &batch{} }}

// States gives the states of many identifiers; out is at least as long. It is faster than one State after the other, and does not
// allocate once it is warm.
func (v *View) States(asked []Asked, out []Result) {
	b := batches.Get().(*batch)
	defer batches.Put(b)
	b.tags = slices.Grow(b.tags[:0], len(asked))[:len(asked)]
	b.states = slices.Grow(b.states[:0], len(asked))[:len(asked)]
	tagger := v.taggers.Get().(*consent.Tagger)
	defer v.taggers.Put(tagger)
	for i := 0; i < len(asked); i++ {
		a := &asked[i]
		if i+1 < len(asked) && asked[i+1].Type == a.Type && asked[i+1].Form == a.Form {
			errs := tagger.TagPair(a.Type, a.Form, &[2][]byte{a.Value, asked[i+1].Value}, (*[2]consent.Tag)(b.tags[i:]))
			out[i].tagged(&b.tags[i], errs[0])
			i++
			out[i].tagged(&b.tags[i], errs[1])
			continue
		}
		var err error
		b.tags[i], err = tagger.TagBytes(a.Type, a.Form, a.Value)
		out[i].tagged(&b.tags[i], err)
	}
	v.table.LookupBatch(b.tags, b.states)
	for i := range asked {
		switch {
		case out[i].Err != nil:
		case b.states[i].Known():
			out[i].State = b.states[i]
		default:
			out[i].State, out[i].Err = v.derived(tagger, &asked[i])
		}
	}
}
