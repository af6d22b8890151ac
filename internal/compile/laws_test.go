package compile

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/testkit/arbitrary"
)

// rounds is how many arbitrary snapshots each law is held to. A failure names the round, which comes again with the same number.
const rounds = 500

func draw(round int) (*rand.Rand, *arbitrary.Source) {
	data := make([]byte, 64<<10)
	c := rand.NewChaCha8([32]byte{byte(round), byte(round >> 8)})
	_, _ = c.Read(data)
	return rand.New(c), arbitrary.From(data)
}

func shuffled[T any](r *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// objects gives the same objects in another order.
func objects(r *rand.Rand, s policy.Snapshot) policy.Snapshot {
	s.Namespaces, s.Purposes, s.Notices, s.Touchpoints = shuffled(r, s.Namespaces), shuffled(r, s.Purposes), shuffled(r, s.Notices), shuffled(r, s.Touchpoints)
	s.Services, s.Policies, s.Ledgers, s.Workloads = shuffled(r, s.Services), shuffled(r, s.Policies), shuffled(r, s.Ledgers), shuffled(r, s.Workloads)
	return s
}

// members gives the same objects with everything in another order that has none: findings then name other places, bundles stay.
func members(r *rand.Rand, s policy.Snapshot) policy.Snapshot {
	s = objects(r, s)
	for i := range s.Purposes {
		p := &s.Purposes[i]
		p.Processing, p.Categories, p.Proofs, p.Goods, p.Advertisers = shuffled(r, p.Processing), shuffled(r, p.Categories), shuffled(r, p.Proofs), shuffled(r, p.Goods), shuffled(r, p.Advertisers)
		p.Allowed.Names = shuffled(r, p.Allowed.Names)
	}
	for i := range s.Notices {
		n := &s.Notices[i]
		n.Purposes, n.Processing, n.Channels, n.Recipients = shuffled(r, n.Purposes), shuffled(r, n.Processing), shuffled(r, n.Channels), shuffled(r, n.Recipients)
	}
	for i := range s.Services {
		x := &s.Services[i]
		x.Ports, x.Endpoints = shuffled(r, x.Ports), shuffled(r, x.Endpoints)
		for j := range x.Endpoints {
			e := &x.Endpoints[j]
			e.Processing, e.Query = shuffled(r, e.Processing), shuffled(r, e.Query)
			if e.Request != nil {
				m := *e.Request
				m.Fields, m.NotPersonal, m.Switches = shuffled(r, m.Fields), shuffled(r, m.NotPersonal), shuffled(r, m.Switches)
				e.Request = &m
			}
		}
	}
	for i := range s.Policies {
		p := &s.Policies[i]
		p.Targets, p.Rules = shuffled(r, p.Targets), shuffled(r, p.Rules)
		for j := range p.Rules {
			x := &p.Rules[j]
			x.Endpoints, x.Tracking, x.When = shuffled(r, x.Endpoints), shuffled(r, x.Tracking), shuffled(r, x.When)
			for k := range x.When {
				x.When[k].In = shuffled(r, x.When[k].In)
			}
		}
	}
	return s
}

func same(t *testing.T, round int, a, b Result) {
	t.Helper()
	if len(a.Bundles) != len(b.Bundles) || len(a.Ledgers) != len(b.Ledgers) {
		t.Fatalf("round %d: %d and %d bundles", round, len(a.Bundles), len(b.Bundles))
	}
	for i := range a.Bundles {
		if !bytes.Equal(a.Bundles[i].Encoded, b.Bundles[i].Encoded) {
			t.Fatalf("round %d: another order gives another bundle:\n%s\n%s", round, a.Bundles[i].Encoded, b.Bundles[i].Encoded)
		}
	}
	for i := range a.Ledgers {
		if !bytes.Equal(a.Ledgers[i].Encoded, b.Ledgers[i].Encoded) {
			t.Fatalf("round %d: another order gives a ledger another bundle:\n%s\n%s", round, a.Ledgers[i].Encoded, b.Ledgers[i].Encoded)
		}
	}
}

func TestTheOrderOfObjectsNeverMatters(t *testing.T) {
	for round := range rounds {
		r, source := draw(round)
		source.Wild = round%2 == 1
		s := source.Snapshot()
		a, b := Compile(s), Compile(objects(r, s))
		same(t, round, a, b)
		if !reflect.DeepEqual(a.Findings, b.Findings) {
			t.Fatalf("round %d: another order gives other findings:\n%+v\n%+v", round, a.Findings, b.Findings)
		}
	}
}

func TestTheOrderOfMembersNeverMatters(t *testing.T) {
	for round := range rounds {
		r, source := draw(round)
		s := source.Snapshot()
		before := Compile(s)
		same(t, round, before, Compile(members(r, s)))
	}
}

// TestCompileLeavesItsInputAlone: a snapshot may be compiled again, and by others at the same time.
func TestCompileLeavesItsInputAlone(t *testing.T) {
	for round := range rounds {
		_, source := draw(round)
		s := source.Snapshot()
		before := textOf(s)
		Compile(s)
		if textOf(s) != before {
			t.Fatalf("round %d", round)
		}
	}
}

// strictness orders effects by what they permit.
var strictness = map[decide.Effect]int{decide.Permit: 2, decide.PermitFiltered: 1, decide.Deny: 0}

// TestAPolicyMoreNeverRestrictsLess: whatever is added, the mode stays or becomes stricter, the bound stays or becomes shorter, hosts
// without a service get no freer, and every rule that was there is there.
func TestAPolicyMoreNeverRestrictsLess(t *testing.T) {
	compared := 0
	for round := range rounds {
		_, source := draw(round)
		s := source.Snapshot()
		before := Compile(s)
		more := s
		added := source.Policy(9)
		more.Policies = append(slices.Clone(s.Policies), added)
		after := Compile(more)
		for i := range before.Bundles {
			a, b := before.Bundles[i].Bundle, after.Bundles[i].Bundle
			if b.FreshnessBoundMillis > a.FreshnessBoundMillis || ungovernedRank[b.Ungoverned.Action] < ungovernedRank[a.Ungoverned.Action] {
				t.Fatalf("round %d: %+v became %+v", round, a, b)
			}
			if len(policiesOf(s, before.Bundles[i].Workload)) > 0 && a.Mode == ir.ModeEnforce && b.Mode != ir.ModeEnforce {
				t.Fatalf("round %d: it enforced, and observes now", round)
			}
			for _, r := range a.Rules {
				if !slices.ContainsFunc(b.Rules, func(x ir.Rule) bool { return reflect.DeepEqual(r, x) }) {
					t.Fatalf("round %d: the rule %+v is gone", round, r)
				}
				compared++
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func policiesOf(s policy.Snapshot, w policy.Workload) []policy.Policy {
	return slices.DeleteFunc(slices.Clone(s.Policies), func(p policy.Policy) bool { return p.Namespace != w.Namespace || !Selects(p, w) })
}

// another gives one more policy: any, or one that handles differently what some policy has rules for.
func another(source *arbitrary.Source, s policy.Snapshot, round int) policy.Policy {
	p := source.Policy(9)
	if len(s.Policies) == 0 || round%3 == 0 {
		return p
	}
	like := s.Policies[source.Number(len(s.Policies))]
	p.Namespace, p.Targets, p.Selector, p.Rules = like.Namespace, like.Targets, like.Selector, slices.Clone(like.Rules)
	for i := range p.Rules {
		r := &p.Rules[i]
		r.OnMissing = arbitrary.Pick(source, "", ir.OnMissingDropRecord, ir.OnMissingDropAddressee, ir.OnMissingRedactField)
		r.OnEmpty = arbitrary.Pick(source, "", ir.OnEmptyAnswerAccepted)
	}
	return p
}

// TestAPolicyMoreNeverPermitsMore of what some rule has matched before: it joins that rule, or makes the purpose ambiguous. Only what no
// rule has matched can become permitted, because permissions are united.
func TestAPolicyMoreNeverPermitsMore(t *testing.T) {
	permitted, stricter, united := 0, 0, 0
	for round := range 2 * rounds {
		_, source := draw(round)
		s := source.Snapshot()
		more := s
		more.Policies = append(slices.Clone(s.Policies), another(source, s, round))
		before, after := Compile(s), Compile(more)
		for i := range before.Bundles {
			a, b := decide.NewIndex(before.Bundles[i].Bundle), decide.NewIndex(after.Bundles[i].Bundle)
			for range 10 {
				request, now := source.Request(after.Bundles[i].Bundle), source.Now()
				x, y := decide.Decide(a, request, now), decide.Decide(b, request, now)
				if x.Effect != decide.Deny {
					permitted++
				}
				if unmatched := x.Purpose == "" && !slices.Contains(x.Reasons, decide.PurposeAmbiguous); unmatched && y.Effect != decide.Deny && x.Effect == decide.Deny {
					if slices.Contains(x.Reasons, decide.PurposeUndeclared) || slices.Contains(x.Reasons, decide.NoPolicy) {
						united++
						continue
					}
				}
				if strictness[y.Effect] > strictness[x.Effect] {
					t.Fatalf("round %d: %+v became %+v", round, x, y)
				}
				if strictness[y.Effect] < strictness[x.Effect] {
					stricter++
				}
			}
		}
	}
	if permitted < 100 || stricter < 10 || united < 10 {
		t.Errorf("%d requests were permitted, %d became stricter, %d were united: too few to tell anything", permitted, stricter, united)
	}
}

// TestAParentNeverPermitsMore than the purpose without it.
func TestAParentNeverPermitsMore(t *testing.T) {
	permitted, stricter := 0, 0
	for round := range 3 * rounds {
		_, source := draw(round)
		s := source.Snapshot()
		if len(s.Purposes) < 2 {
			continue
		}
		more := s
		more.Purposes = slices.Clone(s.Purposes)
		child := source.Number(len(s.Purposes))
		if more.Purposes[child].Parent != "" {
			continue
		}
		more.Purposes[child].Parent = string(s.Purposes[source.Number(len(s.Purposes))].Name)
		before, after := Compile(s), Compile(more)
		for i := range before.Bundles {
			a, b := decide.NewIndex(before.Bundles[i].Bundle), decide.NewIndex(after.Bundles[i].Bundle)
			for range 10 {
				request, now := source.Request(after.Bundles[i].Bundle), source.Now()
				x, y := decide.Decide(a, request, now), decide.Decide(b, request, now)
				if strictness[y.Effect] > strictness[x.Effect] {
					t.Fatalf("round %d: with a parent for %s, %+v became %+v", round, more.Purposes[child].Name, x, y)
				}
				if x.Effect != decide.Deny {
					permitted++
				}
				if strictness[y.Effect] < strictness[x.Effect] {
					stricter++
				}
			}
		}
	}
	if permitted < 100 || stricter < 5 {
		t.Errorf("%d requests were permitted, %d became stricter: too few to tell anything", permitted, stricter)
	}
}
