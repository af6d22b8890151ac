package keys

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func secrets(t *testing.T, r Root, controller string) *Secrets {
	t.Helper()
	s, err := r.Secrets(controller)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecretsAreDifferentKeys(t *testing.T) {
	r := NewRoot()
	s, again := secrets(t, r, "a"), secrets(t, r, "a")
	if !bytes.Equal(s.Wrapping(), again.Wrapping()) || !bytes.Equal(s.Tokens(), again.Tokens()) {
		t.Fatal("the same controller has other keys")
	}
	all := [][]byte{r.key[:], stream(t, r, "a").Bytes(), s.Wrapping(), s.Tokens()}
	for _, other := range []*Secrets{secrets(t, r, "b"), secrets(t, NewRoot(), "a")} {
		all = append(all, other.Wrapping(), other.Tokens())
	}
	for i := range all {
		for j := range i {
			if bytes.Equal(all[i], all[j]) {
				t.Fatalf("keys %d and %d are the same", i, j)
			}
		}
	}
	if _, err := r.Secrets(""); err == nil {
		t.Fatal("keys for nobody")
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, fmt.Sprint(s.Tokens()[:4])[1:9]) || !strings.Contains(text, "redacted") {
		t.Fatal(text)
	}
}
