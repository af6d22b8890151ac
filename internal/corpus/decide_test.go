package corpus_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/corpus"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

const folder = "../../test/corpus"

func cases(t *testing.T) []corpus.Case {
	t.Helper()
	all, err := corpus.Load(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 15 {
		t.Fatalf("only %d cases", len(all))
	}
	return all
}

// TestDecisions holds compiler and decision function to every decision of the corpus.
func TestDecisions(t *testing.T) {
	for _, c := range cases(t) {
		b, err := c.Bundle()
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		read, err := ir.Decode(b.Encoded)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		x := decide.NewIndex(read)
		for _, d := range c.Decisions {
			t.Run(c.Name+"/"+d.Name, func(t *testing.T) {
				now, err := d.Moment()
				if err != nil {
					t.Fatal(err)
				}
				got := decide.Decide(x, request(t, x, c, d), now)
				want := d.Expect
				if got.Effect != want.Effect || got.Purpose != want.Purpose ||
					!equal(got.Reasons, want.Reasons) || !equal(got.People, want.People) || !equal(got.Obligations, want.Obligations) {
					t.Errorf("got %+v\nwant %+v\n(%s)", got, want, c.Why)
				}
			})
		}
	}
}

func equal[T comparable](a, b []T) bool { return slices.Equal(a, b) }

// request describes a request as the data plane would: who is in it, and which categories it carries.
func request(t *testing.T, x *decide.Index, c corpus.Case, d corpus.Decision) decide.Request {
	t.Helper()
	r := decide.Request{Method: d.Request.Method, Host: d.Request.Host, Port: d.Request.Port, Path: d.Request.Path}
	body := parse(t, d.Request.Body)
	r.Constant = func(s ir.Source, name string) (string, bool) {
		if s != ir.SourceBody || body == nil {
			return "", false
		}
		return body.String(name)
	}
	e, reason := x.Endpoint(r.Method, r.Host, r.Port, r.Path)
	if reason != "" || e.IR.NoPersonalData {
		return r
	}
	collect := func(p jsonfilter.Person) jsonfilter.Handling {
		r.People = append(r.People, decide.Person{
			Unresolved: p.Unresolved, RecordTime: p.Time,
			Fact: func(purpose consent.PurposeID) consent.Fact { return c.Fact(p.Identifier.Value, purpose, corpus.Now) },
		})
		return jsonfilter.Keep
	}
	category := func(name string) bool { r.Categories = append(r.Categories, name); return true }
	if body != nil && e.IR.Request != nil {
		if _, o := body.Request(e.IR.Request, category, collect); o.NotCovered > 0 {
			r.Categories = append(r.Categories, "")
		}
	}
	if answer := parse(t, d.Answer); answer != nil && e.IR.Response != nil {
		answer.Response(e.IR.Response, category, collect)
		r.Categories = nil // what is not covered in an answer is taken out, it denies nothing
	}
	return r
}

func parse(t *testing.T, v any) *jsonfilter.Document {
	t.Helper()
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d, err := jsonfilter.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBodies holds the JSON filter to the bodies that the corpus expects to be forwarded and returned.
func TestBodies(t *testing.T) {
	seen := 0
	for _, c := range cases(t) {
		b, err := c.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		x := decide.NewIndex(b.Bundle)
		for _, d := range c.Decisions {
			if !d.Expect.Returned.Given {
				continue
			}
			seen++
			t.Run(c.Name+"/"+d.Name, func(t *testing.T) {
				e, reason := x.Endpoint(d.Request.Method, d.Request.Host, d.Request.Port, d.Request.Path)
				if reason != "" {
					t.Fatal(reason)
				}
				p, reason := x.Plan(e, nil)
				if reason != "" {
					t.Fatal(reason)
				}
				out, _ := parse(t, d.Answer).Response(e.IR.Response, p.Category, func(who jsonfilter.Person) jsonfilter.Handling {
					now := decide.Now{Ledger: corpus.Now}
					if p.Person(c.Fact(who.Identifier.Value, p.Purpose.Name, corpus.Now), who.Time, now).Permit() {
						return jsonfilter.Keep
					}
					return jsonfilter.Drop
				})
				var got any
				if err := json.NewDecoder(bytes.NewReader(out)).Decode(&got); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, d.Expect.Returned.Value) {
					t.Errorf("got %s\nwant %v", out, d.Expect.Returned.Value)
				}
			})
		}
	}
	if seen == 0 {
		t.Error("no case expects a returned body")
	}
}

// TestOrderNeverMatters compiles shuffled input.
func TestOrderNeverMatters(t *testing.T) {
	all := cases(t)
	for seed := range uint64(5) {
		again, err := corpus.LoadShuffled(os.DirFS(folder), rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range all {
			for j, b := range c.Result.Bundles {
				if got := again[i].Result.Bundles[j]; got.Hash != b.Hash {
					t.Fatalf("%s: another order gives another bundle:\n%s\n%s", c.Name, b.Encoded, got.Encoded)
				}
			}
			if !reflect.DeepEqual(c.Result.Findings, again[i].Result.Findings) {
				t.Fatalf("%s: another order gives other findings", c.Name)
			}
		}
	}
}
