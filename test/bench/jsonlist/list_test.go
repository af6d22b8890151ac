package jsonlist

import (
	"bytes"
	"io"
	"testing"
)

func TestSidesAgree(t *testing.T) {
	list, who := records(200, 1)
	body := document(list)
	if size := len(body) / len(list); size < 550 || size > 650 {
		t.Errorf("a record has %d bytes", size)
	}
	kept := 0
	for _, ok := range who {
		if ok {
			kept++
		}
	}
	if kept < 70 || kept > 130 {
		t.Errorf("%d of 200 are kept", kept)
	}
	want, err := generic(who)(body)
	if err != nil || bytes.Contains(want, []byte(`"iban"`)) || bytes.Contains(want, []byte(`"birthday"`)) {
		t.Fatalf("%v %.200s", err, want)
	}
	own, err := ours(who)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]side{"ours": own.whole(), "tokens": tokens(who), "values": values(who), "gjson": scanner(who)} {
		for range 2 { // buffers are used again
			got, err := f(body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := same(got, want); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if same([]byte(`{"a":1}`), []byte(`{"a":2}`)) == nil {
		t.Error("different bodies are the same")
	}
}

// TestStrictPeers: a peer that is compared at the same strictness refuses what ours refuses.
func TestStrictPeers(t *testing.T) {
	list, who := records(2, 1)
	own, err := ours(who)
	if err != nil {
		t.Fatal(err)
	}
	for what, broken := range map[string][]byte{
		"a duplicate name": bytes.Replace(document(list), []byte(`"active"`), []byte(`"id"`), 1),
		"invalid UTF-8":    bytes.Replace(document(list), []byte("Straße"), []byte("Stra\xff\xffe"), 1),
		"trailing bytes":   append(document(list), '1'),
	} {
		for name, f := range map[string]side{"ours": own.whole(), "tokens": tokens(who), "values": values(who)} {
			if _, err := f(broken); err == nil {
				t.Errorf("%s takes %s", name, what)
			}
		}
	}
}

func TestRepeatedListIsTheDocument(t *testing.T) {
	list, _ := records(3, 1)
	got, err := io.ReadAll(&repeated{list: list, left: 6, every: 2})
	if err != nil || !bytes.Equal(got, document(append(append([][]byte{}, list...), list...))) {
		t.Fatalf("%v %s", err, got)
	}
}
