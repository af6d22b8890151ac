package scenario_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// onTheWire are the reasons that a request which is described as data cannot have, and the file, seen from internal/proxy, whose tests produce
// each.
var onTheWire = map[decide.Reason]string{
	decide.NotCanonical:  "defences_test.go",
	decide.BodyTooLarge:  "defences_test.go",
	decide.TLSRefused:    "tls_test.go",
	decide.InternalError: "defences_test.go",

	decide.CredentialNotAllowed: "credential_test.go",
	decide.CredentialMissing:    "credential_test.go",
	decide.SignatureRefused:     "callback_test.go",
	decide.CallerUnknown:        "../../test/provider/attacks_test.go",
}

// constants gives the values of the constants of one type that a file declares.
func constants(t *testing.T, file, kind string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if id, ok := v.Type.(*ast.Ident); !ok || id.Name != kind {
				continue
			}
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
	}
	if len(out) < 5 {
		t.Fatalf("%s declares %d constants of type %s", file, len(out), kind)
	}
	return out
}

// produced is what the decisions of the corpus came to.
type produced struct{ reasons, grounds, refusals map[string]int }

// plan finds the plan of a decision, and the reason that a request gets without one.
func plan(t *testing.T, x *decide.Index, d scenario.Decision) (*decide.Plan, decide.Reason) {
	t.Helper()
	path, query, _ := strings.Cut(d.Request.Path, "?")
	e, reason := x.Endpoint(d.Request.Method, d.Request.Host, d.Request.Port, path)
	if reason != "" || e.IR.NoPersonalData {
		return nil, reason
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, decide.NotCanonical
	}
	body := bodyOf(t, e.IR.Request, d.Request.Body)
	return x.Plan(e, func(s ir.Source, name string) (string, bool) {
		switch s {
		case ir.SourceHeader:
			for k, v := range d.Request.Headers {
				if strings.EqualFold(k, name) {
					return v, true
				}
			}
			return "", false
		case ir.SourceQuery:
			return values.Get(name), values.Has(name)
		default:
			if body == nil {
				return "", false
			}
			return body.Constant(name)
		}
	})
}

func bodyOf(t *testing.T, m *ir.Message, body any) enforce.Body {
	t.Helper()
	if body == nil || m == nil {
		return nil
	}
	data, err := scenario.Bytes(body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := enforce.Read(m, data)
	if err != nil {
		return nil // the case says why
	}
	return doc
}

// explain asks for every gate on the way of everybody in a case's ledger, and of somebody who is not in it.
func (p produced) explain(t *testing.T, c scenario.Case, d scenario.Decision, by *decide.Plan) {
	t.Helper()
	now, err := d.Moment()
	if err != nil {
		t.Fatal(err)
	}
	people := []consent.Identifier{{Type: consent.IdentifierEmail, Value: "nobody@example.org"}}
	for _, e := range c.Ledger {
		people = append(people, consent.Identifier(e.Person))
	}
	for _, who := range people {
		facts := func(purpose consent.PurposeID) consent.Fact { return c.Fact(who, purpose, d.At()) }
		verdict, steps := by.Explain(facts, decide.Collected{}, now)
		if verdict.Permit() {
			p.grounds[string(verdict.Ground)]++
		}
		for _, s := range steps {
			if !s.Passed {
				p.refusals[string(s.Gate)]++
			}
		}
	}
}

// requestGates are the gates that refuse whoever the person is; there is no plan to explain then.
var requestGates = map[decide.Reason]decide.Gate{
	decide.PurposeUndeclared: decide.GatePurpose, decide.NamespaceNotAllowed: decide.GateNamespace, decide.PartyNotCovered: decide.GateParty,
	decide.TransferNotCovered: decide.GateTransfer, decide.ProcessingNotCovered: decide.GateProcessing, decide.ChannelNotCovered: decide.GateChannel,
}

func produce(t *testing.T) produced {
	t.Helper()
	p := produced{map[string]int{}, map[string]int{}, map[string]int{}}
	for _, c := range cases(t) {
		outcomes, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		x := decide.NewIndex(b.Bundle)
		for _, o := range outcomes {
			for _, r := range slices.Concat(o.Got.Reasons, o.Got.People) {
				p.reasons[string(r)]++
			}
			by, reason := plan(t, x, o.Decision)
			if g := requestGates[reason]; g != "" {
				p.refusals[string(g)]++
			}
			if by != nil {
				p.explain(t, c, o.Decision, by)
			}
		}
	}
	return p
}

// TestTheCorpusCoversTheLaw fails for a reason, ground or gate that no case produces.
func TestTheCorpusCoversTheLaw(t *testing.T) {
	p := produce(t)
	reasons := constants(t, "../decide/types.go", "Reason")
	for _, r := range reasons {
		test, listed := onTheWire[decide.Reason(r)]
		switch {
		case listed && p.reasons[r] > 0:
			t.Errorf("reason %s is listed as one of the wire, and a case produces it", r)
		case listed && !mentioned(t, test, r):
			t.Errorf("reason %s: internal/proxy/%s does not speak of it", r, test)
		case !listed && p.reasons[r] == 0:
			t.Errorf("reason %s is produced by no case", r)
		}
	}
	grounds := constants(t, "../ir/purpose.go", "Ground")
	for _, g := range grounds {
		if p.grounds[g] == 0 {
			t.Errorf("the ground %s carries no case", g)
		}
	}
	gates := constants(t, "../decide/trace.go", "Gate")
	for _, g := range gates {
		if p.refusals[g] == 0 && !slices.Contains(second, decide.Gate(g)) {
			t.Errorf("the gate %s refuses in no case", g)
		}
	}
	all := cases(t)
	decisions := 0
	for _, c := range all {
		decisions += len(c.Decisions)
	}
	t.Logf("%d cases, %d decisions; %d of %d reasons (%d on the wire), %d of %d grounds, %d of %d gates refuse somebody",
		len(all), decisions, len(p.reasons), len(reasons), len(onTheWire), len(p.grounds), len(grounds), len(p.refusals), len(gates))
}

// second are the gates that stand behind one of the compiler: what they would refuse has no lawful purpose any more. The tests of
// internal/decide ask them.
var second = []decide.Gate{decide.GateCategory}

// mentioned tells whether a test of the sidecar speaks of a reason.
func mentioned(t *testing.T, test, reason string) bool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../proxy", test))
	if err != nil {
		t.Fatal(err)
	}
	constant := "decide." + strings.ReplaceAll(reason, "_", "")
	return strings.Contains(string(data), reason) || strings.Contains(strings.ToLower(string(data)), strings.ToLower(constant))
}
