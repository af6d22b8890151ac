package market

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestFind looks for one marker in every disguise.
func TestFind(t *testing.T) {
	m := New(1)
	token := ""
	for text, mark := range m.marks {
		if mark.Field == "health" {
			token = text
			break
		}
	}
	text := `{"name":"` + token + `"}`
	zip := func(w io.WriteCloser, b *bytes.Buffer) []byte {
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return b.Bytes()
	}
	var zipped, deflated bytes.Buffer
	flated, _ := flate.NewWriter(&deflated, 6)
	var le []byte
	for _, u := range utf16.Encode([]rune(text)) {
		le = append(le, byte(u), byte(u>>8))
	}
	escape := ""
	for _, c := range token {
		escape += fmt.Sprintf(`\u%04x`, c)
	}
	for name, data := range map[string][]byte{
		"as it is": []byte(text), "in capitals": []byte(strings.ToUpper(text)), "gzip": zip(gzip.NewWriter(&zipped), &zipped),
		"deflate": zip(flated, &deflated), "UTF-16": le, "UTF-7": []byte(ToUTF7(text)), "escapes of JSON": []byte(escape),
		"escapes of URLs": []byte("%7a%71%78" + url.QueryEscape(token[3:])), "HTML": []byte("&#x7a;&#113;x" + token[3:]),
		"base64": []byte("x " + base64.StdEncoding.EncodeToString([]byte("ab"+text))), "a part": []byte("..." + token[:part]),
	} {
		t.Run(name, func(t *testing.T) {
			found := m.Find(data)
			if len(found) != 1 || found[token].Field != "health" {
				t.Errorf("found %v in %q", found, data)
			}
		})
	}
	if found := m.Find([]byte(text[:9] + token[:part-1] + ` zqxnothing`)); len(found) > 0 {
		t.Errorf("found %v where there is nothing", found)
	}
}

// TestEverybodyIsToldApart counts people and markers, and makes sure that one seed gives one market.
func TestEverybodyIsToldApart(t *testing.T) {
	m := New(7)
	if len(m.People) != Refused+Permitted || len(m.Permitted) != Permitted {
		t.Fatalf("%d people, %d permitted", len(m.People), len(m.Permitted))
	}
	for _, p := range m.People {
		found := m.Find(p.Record)
		hidden := found.Hidden()
		if p.Permitted && (len(found)-len(hidden) != 5 || len(hidden) != 6) {
			t.Fatalf("%s: %v", p.Record, found)
		}
		if !p.Permitted && (len(hidden) < 10 || len(hidden) != len(found)) {
			t.Fatalf("%s: %v", p.Record, found)
		}
	}
	a, _ := m.JSON()
	b, _ := New(7).JSON()
	c, _ := New(8).JSON()
	if !bytes.Equal(a, b) || bytes.Equal(a, c) || !json.Valid(a) {
		t.Error("a market does not follow from its seed")
	}
}

// TestNobodyIsMistakenForAnother: what is hidden never stands in a record whose only address is that of somebody who agreed.
func TestNobodyIsMistakenForAnother(t *testing.T) {
	m := New(1)
	others := 0
	for page, body := range m.Flows["/v1/lines"].Bodies {
		if page%manners != 7 {
			continue
		}
		for line := range strings.SplitSeq(strings.TrimSpace(body), "\n") {
			if !strings.HasPrefix(line, `{"email":"`+m.People[0].Mail+`"`) {
				continue
			}
			if others++; strings.Count(line, `"email":`) != 2 {
				t.Errorf("page %d: %s", page, line)
			}
		}
	}
	if others < 30 {
		t.Errorf("%d records name somebody else first", others)
	}
}
