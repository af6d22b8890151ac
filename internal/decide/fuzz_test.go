package decide_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/testkit/arbitrary"
)

// FuzzDecide: whatever the bundle, the request and the facts, there is a decision, it is the same one every time, and it keeps to its form.
func FuzzDecide(f *testing.F) {
	f.Add([]byte(nil), []byte(nil))
	for i := range 32 {
		f.Add(bytes.Repeat([]byte{byte(17 * i), byte(31 * i), 3, byte(i), 0}, 300), bytes.Repeat([]byte{byte(7 * i), byte(i), 5}, 200))
	}
	f.Fuzz(func(t *testing.T, snapshot, asked []byte) {
		source := arbitrary.From(snapshot)
		source.Wild = true
		for _, b := range compile.Compile(source.Snapshot()).Bundles {
			bundle, err := ir.Decode(b.Encoded)
			if err != nil {
				t.Fatal(err)
			}
			x := decide.NewIndex(bundle)
			s := arbitrary.From(asked)
			s.Wild = true
			for range 4 {
				checkDecision(t, x, s.Request(bundle), s.Now())
			}
		}
	})
}

func checkDecision(t *testing.T, x *decide.Index, r decide.Request, now decide.Now) {
	t.Helper()
	d := decide.Decide(x, r, now)
	if again := decide.Decide(x, r, now); !reflect.DeepEqual(d, again) {
		t.Fatalf("%+v, and the second time %+v", d, again)
	}
	if !slices.Contains([]decide.Effect{decide.Permit, decide.PermitFiltered, decide.Deny}, d.Effect) {
		t.Errorf("effect %q", d.Effect)
	}
	if _, err := json.Marshal(d); err != nil {
		t.Error(err)
	}
	if !slices.IsSorted(d.Reasons) || len(slices.Compact(slices.Clone(d.Reasons))) != len(d.Reasons) {
		t.Errorf("reasons %q", d.Reasons)
	}
	refused := slices.ContainsFunc(d.People, func(p decide.Reason) bool { return !p.Permits() })
	if d.Effect == decide.Permit && refused {
		t.Errorf("permitted, although somebody is not: %+v", d)
	}
	for _, p := range d.Reasons {
		if p != p.Public() {
			t.Errorf("a caller would learn %q", p)
		}
	}
	if now.Age < 0 {
		for _, p := range d.People {
			if p.Permits() && needs[groundOf(p)] {
				t.Errorf("%q without facts", p)
			}
		}
	}
}

// TestARequestThatNamesNobodyTellsNothing: what is missing is about people, so the caller learns no more than that.
func TestARequestThatNamesNobodyTellsNothing(t *testing.T) {
	b := world()
	for i := range b.Services[0].Endpoints {
		e := &b.Services[0].Endpoints[i]
		e.Request, e.Response, e.Query, e.Segments = nil, nil, nil, nil
	}
	x := decide.NewIndex(b)
	d := decide.Decide(x, decide.Request{Method: "POST", Host: "s", Port: 80, Path: "/newsletter"}, moment)
	if d.Effect != decide.Deny || !slices.Equal(d.Reasons, []decide.Reason{decide.NotPermitted}) {
		t.Errorf("%+v", d)
	}
}

// groundOf is the ground of a reason that permits.
func groundOf(r decide.Reason) ir.Ground {
	return map[decide.Reason]ir.Ground{
		decide.OKConsent: ir.GroundConsent, decide.OKSpecialCategoryConsent: ir.GroundSpecialCategoryConsent,
		decide.OKExistingCustomer: ir.GroundExistingCustomer, decide.OKPresumedConsent: ir.GroundPresumedConsent,
	}[r]
}
