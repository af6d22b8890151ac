package decode

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

const text = `{"customers":[{"email":"anna@example.org"}]}`

func gzipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

func zlibbed(s string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

func deflated(s string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.Bytes()
}

func TestReader(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		body  []byte
		known bool
		fails bool
	}{
		"not encoded":                {nil, []byte(text), true, false},
		"identity":                   {[]string{"Identity"}, []byte(text), true, false},
		"gzip":                       {[]string{"gzip"}, gzipped(text), true, false},
		"gzip under its old name":    {[]string{"X-Gzip"}, gzipped(text), true, false},
		"deflate in zlib":            {[]string{"deflate"}, zlibbed(text), true, false},
		"deflate without zlib":       {[]string{"deflate"}, deflated(text), true, false},
		"gzip that breaks off":       {[]string{"gzip"}, gzipped(text)[:20], true, true},
		"gzip and something behind":  {[]string{"gzip"}, append(gzipped(text), "more"...), true, true},
		"gzip that is none":          {[]string{"gzip"}, []byte(text), true, true},
		"gzip with another checksum": {[]string{"gzip"}, flip(gzipped(text)), true, true},
		"brotli":                     {[]string{"br"}, nil, false, true},
		"zstd":                       {[]string{"zstd"}, nil, false, true},
		"two codings in a line":      {[]string{"gzip, gzip"}, nil, false, true},
		"two codings in two lines":   {[]string{"identity", "gzip"}, nil, false, true},
		"an empty coding":            {[]string{""}, nil, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Known(tt.lines); got != tt.known {
				t.Fatalf("known: %t", got)
			}
			if !tt.known {
				return
			}
			var got []byte
			r, err := Reader(tt.lines, bytes.NewReader(tt.body))
			if err == nil {
				got, err = io.ReadAll(r)
			}
			if (err != nil) != tt.fails || (!tt.fails && string(got) != text) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func flip(b []byte) []byte {
	b[len(b)-8] ^= 1
	return b
}

// TestABombIsNotUnpacked: a body that unpacks to a thousand times its size ends early, and memory does not grow meanwhile.
func TestABombIsNotUnpacked(t *testing.T) {
	bomb := gzipped(strings.Repeat(" ", 64<<20))
	for coding, body := range map[string][]byte{"gzip": bomb, "deflate": zlibbed(strings.Repeat(" ", 64<<20))} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Reader([]string{coding}, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrBomb) || n > 4<<20 {
			t.Errorf("%s: %d bytes came out, %v", coding, n, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", coding, grown)
		}
	}
	var honest strings.Builder
	for i := range 50000 {
		fmt.Fprintf(&honest, `{"id":%d,"email":"anna%d@example.org","name":"Anna Beispiel","city":"Köln"},`, i, i*7919)
	}
	r, err := Reader([]string{"gzip"}, bytes.NewReader(gzipped(honest.String())))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Errorf("a list of alike records: %v", err)
	}
}
