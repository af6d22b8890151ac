package attack

import (
	"bytes"
	"testing"

	"github.com/optup/optup/test/bypass/market"
)

var all = []string{"go", "node", "python"}

func bytesOf(q *Request, protocol string) []byte {
	if protocol == HTTP2 {
		return q.Frames()
	}
	return q.One()
}

// TestAttacksCanBeMadeAgain: the same bytes for the same number, whatever was made before; and no mutator that fails on what another
// one left.
func TestAttacksCanBeMadeAgain(t *testing.T) {
	m := market.New(1)
	used := map[string]bool{}
	for n := range uint64(30_000) {
		a := Make(m, all, 1, n)
		if !bytes.Equal(bytesOf(a.Request, a.Protocol), bytesOf(Make(m, all, 1, n).Request, a.Protocol)) {
			t.Fatalf("%d: %s differs", n, a.Name)
		}
		if a.Twin != nil && a.Request.Body == "" && len(bytesOf(a.Twin, HTTP1)) != len(bytesOf(a.Request, HTTP1)) {
			t.Fatalf("%d: %s tells its twins apart:\n%s\n%s", n, a.Name, a.Request.One(), a.Twin.One())
		}
		used[a.Request.Base] = true
	}
	if len(used) != len(bases) {
		t.Errorf("only %d bases of %d were used", len(used), len(bases))
	}
	for n := range Known(all) {
		if a := MakeKnown(m, all, 1, FirstKnown+n); a.Name == "" || len(bytesOf(a.Request, a.Protocol)) == 0 {
			t.Errorf("%d is empty", n)
		}
	}
}
