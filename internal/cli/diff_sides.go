package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// compareSides tells whether, and how, a decision changes.
func compareSides(before, after Side) (Changed, bool) {
	c := Changed{Kind: OtherChange, Before: before, After: after}
	var forwardedMore, forwardedLess, returnedMore, returnedLess []string
	if before.sent > 0 && after.sent > 0 { // else all of it comes or goes
		forwardedMore, forwardedLess = apart(before.forwarded, after.forwarded)
		returnedMore, returnedLess = apart(before.returned, after.returned)
	}
	for _, x := range []struct {
		what   string
		values []string
	}{
		{"forwarded, and was not before", forwardedMore},
		{"returned, and was not before", returnedMore},
		{"no longer forwarded", forwardedLess},
		{"no longer returned", returnedLess},
	} {
		if len(x.values) > 0 {
			c.Data = append(c.Data, x.what+": "+few(x.values))
		}
	}
	if same(before, after) && len(c.Data) == 0 {
		return c, false
	}
	switch {
	case wider(before, after), len(forwardedMore)+len(returnedMore) > 0:
		c.Kind = NewlyPermitted
	case wider(after, before), len(forwardedLess)+len(returnedLess) > 0:
		c.Kind = NewlyDenied
	}
	return c, true
}

func same(a, b Side) bool {
	a.forwarded, a.returned, b.forwarded, b.returned = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}

// wider tells whether something that before kept back is let through by after.
func wider(before, after Side) bool {
	switch {
	case !before.Governed:
		return false
	case !after.Governed:
		return true // no sidecar decides any more
	case before.blocked() && !after.blocked():
		return true
	case after.blocked():
		return false
	case before.Mode != ir.ModeObserve && after.Mode == ir.ModeObserve:
		return before.Effect != decide.Permit || after.Effect != decide.Permit
	case before.sent == 0 && after.sent > 0:
		return true
	}
	if len(before.People) != len(after.People) {
		return permitted(after.People) > permitted(before.People)
	}
	for i := range after.People {
		if after.People[i].Permits() && !before.People[i].Permits() {
			return true
		}
	}
	return slices.ContainsFunc(before.Obligations, func(o decide.Obligation) bool { return !slices.Contains(after.Obligations, o) })
}

// blocked tells that the whole request is denied, and not only seen to be.
func (s Side) blocked() bool {
	return s.Governed && s.Effect == decide.Deny && s.Mode != ir.ModeObserve
}

func permitted(people []decide.Reason) int {
	n := 0
	for _, r := range people {
		if r.Permits() {
			n++
		}
	}
	return n
}

// apart gives the places of values that one body has and the other has not, both ways.
func apart(before, after any) (more, less []string) {
	a, b := map[string]int{}, map[string]int{}
	leaves(before, "", a)
	leaves(after, "", b)
	for k, n := range b {
		if n > a[k] {
			more = append(more, place(k))
		}
	}
	for k, n := range a {
		if n > b[k] {
			less = append(less, place(k))
		}
	}
	slices.Sort(more)
	slices.Sort(less)
	return slices.Compact(more), slices.Compact(less)
}

// leaves counts the values of a body by place and content. Elements of lists have no number: what is taken out moves the others.
func leaves(v any, at string, into map[string]int) {
	switch x := v.(type) {
	case nil:
	case map[string]any:
		for k, c := range x {
			leaves(c, at+"/"+k, into)
		}
	case []any:
		for _, c := range x {
			leaves(c, at+"/*", into)
		}
	default:
		into[at+"\x00"+fmt.Sprint(x)]++
	}
}

// place leaves the content off, which may be about a person.
func place(leaf string) string {
	at, _, _ := strings.Cut(leaf, "\x00")
	return at
}

func few(places []string) string {
	const most = 5
	if len(places) <= most {
		return strings.Join(places, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(places[:most], ", "), len(places)-most)
}

// overlay lays objects over others: those of the same kind, namespace and name are replaced.
func overlay(base, over translate.Objects) translate.Objects {
	return translate.Objects{
		Namespaces: lay(base.Namespaces, over.Namespaces), Purposes: lay(base.Purposes, over.Purposes), Notices: lay(base.Notices, over.Notices),
		Services: lay(base.Services, over.Services), Policies: lay(base.Policies, over.Policies), Touchpoints: lay(base.Touchpoints, over.Touchpoints),
		Ledgers: lay(base.Ledgers, over.Ledgers), Exemptions: lay(base.Exemptions, over.Exemptions), Workloads: layWorkloads(base.Workloads, over.Workloads),
	}
}

func lay[T any, O interface {
	*T
	metav1.Object
}](base, over []T) []T {
	out := slices.Clone(base)
	for i := range over {
		o := O(&over[i])
		at := slices.IndexFunc(out, func(b T) bool { return O(&b).GetNamespace() == o.GetNamespace() && O(&b).GetName() == o.GetName() })
		if at < 0 {
			out = append(out, over[i])
		} else {
			out[at] = over[i]
		}
	}
	return out
}

// layWorkloads keeps a workload that the base knows with its labels: the set may know it by a policy's target alone.
func layWorkloads(base, over []policy.Workload) []policy.Workload {
	out := slices.Clone(base)
	for _, w := range over {
		at := slices.IndexFunc(out, func(b policy.Workload) bool {
			return b.Namespace == w.Namespace && b.Kind == w.Kind && b.Name == w.Name
		})
		switch {
		case at < 0:
			out = append(out, w)
		case len(w.Labels) > 0:
			out[at] = w
		}
	}
	return out
}
