package decide_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/optup/optup/internal/decide"
)

// declared gives the reason codes that types.go declares.
func declared(t *testing.T) []decide.Reason {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []decide.Reason
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "Reason" {
			code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, decide.Reason(code))
		}
		return true
	})
	return out
}

func TestEveryReasonIsPutIntoWords(t *testing.T) {
	codes := declared(t)
	if len(codes) < 50 {
		t.Fatalf("only %d codes were found", len(codes))
	}
	for _, r := range codes {
		if !slices.Contains(decide.Reasons(), r) {
			t.Errorf("%s has no sentence", r)
		}
	}
	said := map[string]decide.Reason{}
	for _, r := range decide.Reasons() {
		if !slices.Contains(codes, r) {
			t.Errorf("%s is no code, or its sentence stands there twice", r)
		}
		codes = slices.DeleteFunc(codes, func(c decide.Reason) bool { return c == r })
		m := r.Meaning()
		if !strings.HasSuffix(m.Says, ".") || said[m.Says] != "" {
			t.Errorf("%s: %q is no sentence of its own", r, m.Says)
		}
		if r.Public() == decide.NotPermitted && m.Law == "" {
			t.Errorf("%s is about people, and names no law", r)
		}
		said[m.Says] = r
	}
	if got := decide.Reason("SOMETHING_ELSE").Meaning(); got.Says == "" || got.Law != "" {
		t.Errorf("%+v", got)
	}
}

// TestOnlyGrantedReasonsBeginLikeOne: Permits looks at two letters.
func TestOnlyGrantedReasonsBeginLikeOne(t *testing.T) {
	for _, r := range declared(t) {
		if want := strings.HasPrefix(string(r), "OK_"); r.Permits() != want {
			t.Errorf("%s: %v", r, r.Permits())
		}
	}
	for _, r := range []decide.Reason{"", "O", "OK", "OK_"} {
		if r.Permits() {
			t.Errorf("%q permits", r)
		}
	}
}
