package explain_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/explain"
	"github.com/optup/optup/internal/scenario"
)

const folder = "../../test/corpus"

func cases(t *testing.T) []scenario.Case {
	t.Helper()
	all, err := scenario.Load(os.DirFS(folder), nil)
	if err != nil || len(all) < 10 {
		t.Fatalf("%d cases, %v", len(all), err)
	}
	return all
}

func explained(t *testing.T, c scenario.Case, d scenario.Decision) explain.Explanation {
	t.Helper()
	e, err := explain.Explain(c, d)
	if err != nil {
		t.Fatalf("%s/%s: %v", c.Name, d.Name, err)
	}
	return e
}

func answers(e explain.Explanation) []explain.Answer {
	out := slices.Clone(e.Gates)
	for _, p := range e.People {
		out = append(out, p.Gates...)
	}
	return out
}

// TestAnExplanationIsOfTheDecision: what is explained is what is decided, for every decision of the corpus, and nothing stays unsaid.
func TestAnExplanationIsOfTheDecision(t *testing.T) {
	for _, c := range cases(t) {
		outcomes, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			name := c.Name + "/" + o.Decision.Name
			e := explained(t, c, o.Decision)
			var people []decide.Reason
			for _, p := range e.People {
				people = append(people, p.Reason)
			}
			if e.Effect != o.Got.Effect || e.Purpose != o.Got.Purpose || !slices.Equal(e.Reasons, o.Got.Reasons) || !slices.Equal(people, o.Got.People) {
				t.Errorf("%s: %s %v %v, decided %+v", name, e.Effect, e.Reasons, people, o.Got)
			}
			said(t, name, e)
			if e.Effect == decide.Deny && len(e.People) == 0 && !fails(e.Gates) {
				t.Errorf("%s: it is denied, and no gate failed", name)
			}
			for _, p := range e.People {
				if !p.Permitted && !fails(p.Gates) {
					t.Errorf("%s: person %d is denied, and no gate failed", name, p.Number)
				}
			}
		}
	}
}

func said(t *testing.T, name string, e explain.Explanation) {
	t.Helper()
	for _, a := range answers(e) {
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !strings.HasSuffix(a.Says, "."):
			t.Errorf("%s: %s says %q, which is no sentence", name, a.Gate, a.Says)
		case strings.Contains(string(text), "example.org"):
			t.Errorf("%s: a person is named: %s", name, text)
		case a.Result == explain.Failed && a.Reason == "":
			t.Errorf("%s: %s fails without a reason", name, a.Gate)
		}
		for _, cause := range a.Causes {
			if cause.File == "" || cause.Line == 0 {
				t.Errorf("%s: %s rests on %+v, which stands nowhere", name, a.Gate, cause)
			}
		}
	}
}

func fails(all []explain.Answer) bool {
	return slices.ContainsFunc(all, func(a explain.Answer) bool { return a.Result == explain.Failed })
}

// TestTheLineThatCausedIt compares causes with what stands at their lines.
func TestTheLineThatCausedIt(t *testing.T) {
	for decision, want := range map[string]struct{ resource, field, line string }{
		"grants/a double opt in that was never confirmed permits nothing/unconfirmed and confirmed":                                                 {"DataPurpose newsletter", "spec.proof", "proof: [MailboxConfirmed]"},
		"objection/an objection stops the newsletter and the invoice after it goes out/the newsletter stops":                                        {"ledger", "event 2 (objected, all)", "type: objected"},
		"purpose/an invoice and a newsletter of one workload are told apart by template id/the newsletter rests on consent":                         {"ConsentPolicy marketing/mailer", "spec.rules[2].when[0]", "in: [d-invoice]"},
		"purpose/an invoice and a newsletter of one workload are told apart by template id/a template that no rule names has no purpose":            {"DataService esp/mail", "spec.endpoints[0]", "name: send"},
		"minimisation/a field that nobody declared and a special category are taken out of an answer/a request that carries an undeclared field is": {"DataService esp/mail", "spec.endpoints[0].request.fields", "fields:"},
	} {
		t.Run(decision, func(t *testing.T) {
			for _, c := range cases(t) {
				for _, d := range c.Decisions {
					if !strings.HasPrefix(c.Name+"/"+d.Name, decision) {
						continue
					}
					var seen []explain.Cause
					for _, a := range answers(explained(t, c, d).Below(folder)) {
						if a.Result != explain.Passed {
							seen = append(seen, a.Causes...)
						}
					}
					i := slices.IndexFunc(seen, func(x explain.Cause) bool { return x.Resource == want.resource && x.Field == want.field })
					if i < 0 {
						t.Fatalf("it is not among %+v", seen)
					}
					if got := line(t, seen[i]); !strings.Contains(got, want.line) {
						t.Errorf("%+v: there stands %q", seen[i], got)
					}
					return
				}
			}
			t.Fatal("the decision is gone")
		})
	}
}

func line(t *testing.T, c explain.Cause) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(c.File))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")[c.Line-1]
}
