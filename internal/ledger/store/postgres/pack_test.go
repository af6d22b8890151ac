package postgres

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestWhatIsPackedComesBack(t *testing.T) {
	var lines strings.Builder
	for n := range 2000 {
		fmt.Fprintf(&lines, `{"position":%d,"grants":[{"purpose":"newsletter-%d","since":"2026-03-01T12:00:00Z"}]}`, n, n%7)
	}
	room := make([]byte, 0, 1<<20)
	for _, in := range []string{"", "a", strings.Repeat("a", 100_000), lines.String()} {
		packed := pack(room, []byte(in))
		if out, err := unpack(packed[1:]); packed[0] != flagPacked || err != nil || string(out) != in {
			t.Errorf("%d bytes come back as %d, %v", len(in), len(out), err)
		}
		if &packed[0] != &room[:1][0] {
			t.Error("there was room, and more was taken")
		}
		if n := len(in); n > 1000 && len(packed) > n/3 {
			t.Errorf("%d bytes are packed in %d", n, len(packed))
		}
	}
}

func TestWhatWasNotPackedIsRefused(t *testing.T) {
	packed := pack(nil, bytes.Repeat([]byte("abcdefghijk"), 9))[1:]
	for n := range packed {
		if out, err := unpack(packed[:n]); err == nil {
			t.Errorf("%d of %d bytes are read as %q", n, len(packed), out)
		}
	}
	for name, in := range map[string][]byte{
		"goes on after its end":    append(bytes.Clone(packed), 0),
		"more than may be":         append([]byte{0x81, 0x80, 0x80, 0x80, 0x04}, packed[1:]...),
		"more than there is":       append([]byte{0x80, 0x80, 0x80, 0x01}, packed[1:]...),
		"a length that has no end": bytes.Repeat([]byte{0xff}, 12),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if out, err := unpack(in); err == nil {
			t.Errorf("%s: read as %d bytes", name, len(out))
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > maxUnpacked/2 {
			t.Errorf("%s: room was made for what it says it comes to", name)
		}
	}
}
