package compile

import (
	"bytes"
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/testkit/arbitrary"
)

// FuzzCompile: whatever is declared, the compiler ends, and every bundle that it gives can be enforced.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(nil))
	for round := range 20 {
		r, _ := draw(round)
		data := make([]byte, 512)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		source := arbitrary.From(data)
		source.Wild = true
		s := source.Snapshot()
		r := Compile(s)
		for _, b := range r.Bundles {
			checkEncoded(t, b.Encoded, b.Hash)
		}
		for _, l := range r.Ledgers {
			checkEncoded(t, l.Encoded, l.Hash)
		}
		for _, x := range r.Findings {
			if x.Field == "" || x.Message == "" || (x.Severity != Error && x.Severity != Warning) {
				t.Errorf("%+v", x)
			}
		}
		governed := 0
		for _, w := range newCompiler(s).workloads(s.Workloads) {
			for _, n := range s.Namespaces {
				if n.Name == w.Namespace {
					governed++
				}
			}
		}
		if len(r.Bundles) != governed {
			t.Errorf("%d bundles for %d workloads: one that gets none keeps what it had", len(r.Bundles), governed)
		}
	})
}

func checkEncoded(t *testing.T, encoded []byte, hash string) {
	t.Helper()
	b, err := ir.Decode(encoded)
	if err != nil {
		t.Fatalf("%v: %s", err, encoded)
	}
	again, err := ir.Encode(b)
	if err != nil || !bytes.Equal(again, encoded) || ir.Hash(again) != hash {
		t.Fatalf("%v: it is not canonical:\n%s\n%s", err, encoded, again)
	}
}
