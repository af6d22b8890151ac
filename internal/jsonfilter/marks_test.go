package jsonfilter

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// byWords does something as where the processor has no vectors.
func byWords(do func()) {
	before := vectors
	defer func() { vectors = before }()
	vectors = false
	do()
}

// FuzzMarks: whatever ends the plain part of a string is marked, by words and by blocks.
func FuzzMarks(f *testing.F) {
	for _, seed := range []string{
		"", `"\`, "K\u00f6ln", "\x00\x1f\x20\x21\"#\\]\x7f\x80\xbf\xc0\xc1\xc2\xdf\xe0\xff", "\xc3\xc3\xa4\xa4", "\u20ac\u00e4\U0001f600\u00df",
		string(bytes.Repeat([]byte("abc\xc3\xa4"), 20)), string(bytes.Repeat([]byte("\xc3"), 70)), string(bytes.Repeat([]byte("\xa4"), 70)),
	} {
		for n := range 3 {
			f.Add(bytes.Join([][]byte{bytes.Repeat([]byte("x"), 31*n/2), []byte(seed)}, nil))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		b := append(bytes.Clone(content), make([]byte, padding)...)
		var fast, slow marks
		fast.fit(len(b))
		slow.fit(len(b))
		fast.set(b, 0, len(content))
		markWords(slow, b, len(content)/block+1)
		for i, c := range b[:len(content)+1] {
			ends := c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf
			quick, word := fast[i>>3]>>(i&7)&1 != 0, slow[i>>3]>>(i&7)&1 != 0
			if ends && (!word || !quick) {
				t.Errorf("%q: byte %d is not marked: %v, %v", content, i, word, quick)
			}
			if vectors && quick && !ends { // one mark too many costs time
				t.Errorf("%q: byte %d is marked", content, i)
			}
		}
	})
}
