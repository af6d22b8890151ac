package openapi

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/optup/optup/api/v1alpha1"
)

// How much the API takes.
const (
	maxValues     = 128
	maxTotals     = 16
	maxAddressees = 16
)

// body is what is found in the body of a request or response. Pointers are from its root.
type body struct {
	part Part
	tree *node
	a    about
	// people are those who are declared; others those who are there too, but cannot be or are not sure enough.
	people, others []found
	switches       []v1alpha1.Switch
	fields         []v1alpha1.PersonalField
	notPersonal    []v1alpha1.Pointer
	totals         []v1alpha1.Pointer
	// sure tells that everything in it is known, and is not personal.
	sure bool
	// personal tells that something in it is personal data, declared or not.
	personal bool
	guesses  []Guess
	least    Confidence
}

func (b *body) guess(n *node, what What, value string, c Confidence, why string, declared bool) {
	pointer := ""
	if n != nil {
		pointer = n.pointer
	}
	b.guesses = append(b.guesses, Guess{
		Part: b.part, Pointer: pointer, What: what, Value: value, Confidence: c, Why: why, Declared: declared,
	})
}

// judge goes through the values once the people are known.
func (b *body) judge() {
	b.sure = true
	b.a.envelope = len(b.people) > 0 && b.people[0].person != b.tree
	loose := b.loose()
	b.tree.leaves(func(n *node) { b.value(n, loose) })
}

// loose gives the body of a request that is about one person who is in no list: a request cannot say where that one is.
func (b *body) loose() *node {
	if b.part != PartRequest {
		return nil
	}
	value, id := identifying(b.tree)
	if id == nil || value.parent == nil {
		return nil
	}
	b.personal = true
	b.guess(value, WhatNote, id.String(), id.confidence,
		id.why+"; the person is in no list, and a request says only where lists of people are", false)
	return b.tree
}

func (b *body) value(n, loose *node) {
	if b.part == PartRequest && isSwitch(n, b.a) {
		b.sure = false
		b.trackingSwitch(n)
		return
	}
	in, record := b.in(n)
	if in == nil && loose != nil && n.within(loose) {
		record = loose
	}
	if in == nil && b.elsewhere(n) {
		b.sure = false
		b.undeclared(n, "it is about people whom the draft does not locate")
		return
	}
	if in == nil && len(b.people) > 0 && isTotal(n) && b.part == PartResponse {
		b.sure = false
		if len(b.totals) < maxTotals && declarable(n) {
			b.totals = append(b.totals, v1alpha1.Pointer(n.pointer))
			b.guess(n, WhatTotal, "", Medium, fmt.Sprintf("a count beside the records, by name %q", clean(n.name)), true)
			return
		}
	}
	v := classify(n, b.a, record)
	if b.part == PartRequest && b.a.send && in == nil && n.ofSender() && v.kind != notPersonal && n.textual() && n.words.has("email", "name", "address") {
		v = verdict{kind: notPersonal, confidence: Medium, why: "who sends, and not who is written to"}
	}
	if in != nil && n == in.time && v.kind != personal {
		v = verdict{kind: notPersonal, confidence: Medium, why: "when the record was written"}
	}
	b.declare(n, v, in)
}

func (b *body) declare(n *node, v verdict, in *found) {
	b.sure = b.sure && v.kind == notPersonal && v.confidence.AtLeast(Medium) && !v.free
	b.personal = b.personal || v.kind == personal
	switch {
	case v.kind == unknown:
		b.undeclared(n, v.why)
	case !declarable(n):
		b.undeclared(n, "its name or its pointer is not one that can be declared")
	case v.kind == personal && in == nil:
		b.guesses = append(b.guesses, Guess{
			Part: b.part, Pointer: n.pointer, What: WhatUndeclared, Value: string(v.category), Confidence: v.confidence,
			Why: v.why + "; the person is not located, so nobody could look at their consent",
		})
	case !v.confidence.AtLeast(floor(b.least)):
		b.guesses = append(b.guesses, Guess{
			Part: b.part, Pointer: n.pointer, What: WhatUndeclared, Value: string(v.category), Confidence: v.confidence, Why: v.why + "; not sure enough",
		})
	case v.kind == personal && len(b.fields) < maxValues:
		b.fields = append(b.fields, v1alpha1.PersonalField{Pointer: v1alpha1.Pointer(n.pointer), Category: v.category})
		b.guess(n, WhatField, string(v.category), v.confidence, v.why, true)
	case v.kind == notPersonal && len(b.notPersonal) < maxValues:
		b.notPersonal = append(b.notPersonal, v1alpha1.Pointer(n.pointer))
		b.guess(n, WhatNotPersonal, "", v.confidence, v.why, true)
	default:
		b.undeclared(n, fmt.Sprintf("%s; an endpoint has room for %d", v.why, maxValues))
	}
}

func (b *body) undeclared(n *node, why string) { b.guess(n, WhatUndeclared, "", Low, why, false) }

// in gives the declared person that a value belongs to, with the place that stands for them.
func (b *body) in(n *node) (*found, *node) {
	for i := range b.people {
		if n.within(b.people[i].person) && !b.elsewhere(n) {
			return &b.people[i], b.people[i].person
		}
	}
	return nil, nil
}

// elsewhere tells whether a value is in a list of people that is not declared.
func (b *body) elsewhere(n *node) bool {
	return slices.ContainsFunc(b.others, func(f found) bool { return n.within(f.person) })
}

func isTotal(n *node) bool {
	return n.is("integer", "number") && n.words.has("total", "count", "found", "hit", "matched", "size")
}

var validPointer = regexp.MustCompile(`^(/([^/~]|~[01])*)+$`)

func declarable(n *node) bool {
	return len(n.pointer) <= maxPointer && validPointer.MatchString(n.pointer) && writable(n.pointer)
}
