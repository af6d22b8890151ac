package openapi

import (
	"slices"
	"strings"

	"github.com/optup/optup/api/v1alpha1"
)

// found is where somebody is: the place that stands for one person, and the value that identifies them.
type found struct {
	// person is an element of a list, or the body.
	person *node
	value  *node
	id     *identity
	// unit is the element of an outer list that the person is in; nil if there is none.
	unit *node
	// time is when the data was collected; nil if nothing says so. Without a format it is RFC 3339.
	time       *node
	timeFormat v1alpha1.TimeFormat
}

func (f *found) each() string { return f.person.pointer }

// within gives a pointer relative to the person.
func (f *found) within(n *node) string { return strings.TrimPrefix(n.pointer, f.person.pointer) }

// senders are the names of those who write, and not of those who are written to.
var senders = []string{"from", "sender", "reply", "replyto", "returnpath", "author", "creator", "owner"}

// ofSender tells that a value is about who sends.
func (n *node) ofSender() bool {
	for ; n != nil; n = n.parent {
		if n.words.has(senders...) {
			return true
		}
	}
	return false
}

// rank orders what identifies people, for where one record has several.
func (i *identity) rank() int {
	r := map[v1alpha1.IdentifierType]int{
		v1alpha1.IdentifierEmail: 40, v1alpha1.IdentifierPhone: 30, v1alpha1.IdentifierCustomer: 20, v1alpha1.IdentifierDevice: 10,
	}[i.Type] + i.confidence.rank()
	if i.confidence == Low {
		r -= 100
	}
	return r
}

// identifying gives the value that identifies whom a place is about: in it, but in no list within it.
func identifying(place *node) (*node, *identity) {
	var best *node
	var bestID *identity
	most := 0
	var walk func(*node, int)
	walk = func(n *node, level int) {
		if n != place && n.element {
			return
		}
		if n.leaf() && n.opaque == "" && !n.ofSender() {
			if id := identify(n); id != nil {
				if p := points(n, id, level); bestID == nil || p > most {
					best, bestID, most = n, id, p
				}
			}
		}
		for _, c := range n.children {
			walk(c, level+1)
		}
	}
	walk(place, 0)
	return best, bestID
}

// points let what is called just "email" win against "alternate_email", what is near against what is deep inside, and what is plain
// or a strong hash against what is not.
func points(n *node, id *identity, level int) int {
	p := 100*id.rank() - 4*level - 2*len(n.words)
	switch id.Form {
	case v1alpha1.FormSHA256:
		p--
	case v1alpha1.FormMD5:
		p -= 2
	case v1alpha1.FormPlain:
	}
	return p
}

// Names of what belongs to a person rather than being another one.
var (
	ownLists   = []string{"email", "phone", "telephone", "mobile", "address"}
	ownObjects = append([]string{
		"contact", "profile", "billing", "shipping", "home", "work", "private", "personal", "detail", "data", "attribute", "info", "account", "identity",
	}, ownLists...)
)

// nestedPeople gives the places within a person's record that are about others, such as a spouse or the members of a household.
func nestedPeople(f *found) []found {
	var out []found
	var walk func(*node)
	walk = func(n *node) {
		if n != f.person && !f.value.within(n) && !n.leaf() {
			own := ownObjects
			if n.element {
				own = ownLists
			}
			if value, id := identifying(n); id != nil && !n.words.has(own...) && (n.element || value.parent == n) {
				out = append(out, found{person: n, value: value, id: id})
				return
			}
		}
		for _, c := range n.children {
			walk(c)
		}
	}
	walk(f.person)
	return out
}

// findAddressees gives the lists of people in a request, the outermost where one is in another.
func findAddressees(body *node) []found {
	var out []found
	body.all(func(n *node) {
		if !n.element || slices.ContainsFunc(out, func(f found) bool { return n.within(f.person) }) {
			return
		}
		value, id := identifying(n)
		if id == nil {
			return
		}
		out = append(out, found{person: n, value: value, id: id, unit: outer(n)})
	})
	return out
}

// outer gives the element of a list that an element of an inner list is in.
func outer(n *node) *node {
	for p := n.parent; p != nil; p = p.parent {
		if p.element {
			return p
		}
	}
	return nil
}

// findRecords gives the list of records of a response, or the body if that is one record; and the other lists of people in it, of
// which none can be declared besides.
func findRecords(body *node) (*found, []found) {
	all := findAddressees(body)
	lists := slices.DeleteFunc(slices.Clone(all), func(f found) bool { return f.value == f.person })
	best := -1
	for i := range lists {
		if best < 0 || score(&lists[i]) > score(&lists[best]) {
			best = i
		}
	}
	value, id := identifying(body)
	if id != nil && id.confidence != Low && value != body && (best < 0 || id.rank() >= lists[best].id.rank()) {
		chosen := found{person: body, value: value, id: id}
		return &chosen, nestedPeople(&chosen)
	}
	if best < 0 {
		return nil, all
	}
	chosen := lists[best]
	others := slices.DeleteFunc(all, func(f found) bool { return f.person == chosen.person })
	return &chosen, append(others, nestedPeople(&chosen)...)
}

func score(f *found) int { return 10*f.id.rank() - strings.Count(f.person.pointer, "/") }
