package compile

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestMain fails, where all tests ran, if some code of a finding was found by none of them.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if code == 0 && everything() {
		for _, c := range allCodes() {
			if !tested[c] {
				fmt.Fprintf(os.Stderr, "no test finds %s\n", c)
				code = 1
			}
		}
	}
	os.Exit(code)
}

func everything() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return true
}

// allCodes reads the codes from their source, so that none can be forgotten.
func allCodes() []Code {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		panic(err)
	}
	var out []Code
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			out = append(out, Code(strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`)))
		}
		return true
	})
	return out
}
