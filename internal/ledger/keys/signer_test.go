package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/proof"
)

func signer(t *testing.T, r Root, controller string) *Signer {
	t.Helper()
	s, err := r.Signer(controller)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckpointsAreSignedForOneLog(t *testing.T) {
	r := NewRoot()
	s, again, other, foreign := signer(t, r, "a"), signer(t, r, "a"), signer(t, r, "b"), signer(t, NewRoot(), "a")
	root := proof.Leaf(proof.Salt{}, []byte("x"))
	signed, err := s.Checkpoint("EPOCH", 7, root)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := again.Checkpoint("EPOCH", 7, root); err != nil || !bytes.Equal(signed, twice) {
		t.Fatalf("the same log has another checkpoint, %v", err)
	}
	c, err := proof.OpenCheckpoint(signed, again.PublicKey()+"\n")
	if err != nil || c.Size != 7 || c.Root != root || c.Epoch() != "EPOCH" || c.Origin != "optup.dev/ledger/"+stream(t, r, "a").ID()+"/EPOCH" {
		t.Fatalf("%+v, %v", c, err)
	}
	larger := bytes.Replace(signed, []byte("\n7\n"), []byte("\n8\n"), 1)
	for name, bad := range map[string]struct {
		signed []byte
		key    string
	}{
		"another controller":       {signed, other.PublicKey()},
		"another root key":         {signed, foreign.PublicKey()},
		"another size":             {larger, s.PublicKey()},
		"cut":                      {signed[:len(signed)/2], s.PublicKey()},
		"nothing":                  {nil, s.PublicKey()},
		"a statement":              {statement(t, s, "optup.dev/receipt/v1\n"), s.PublicKey()},
		"of somebody else's log":   {statement(t, s, proof.Checkpoint{Origin: proof.Origin("0011", "E"), Size: 7}.Text()), s.PublicKey()},
		"a size with a zero":       {statement(t, s, strings.Replace(c.Text(), "\n7\n", "\n07\n", 1)), s.PublicKey()},
		"a root that is too short": {statement(t, s, c.Origin+"\n7\n"+base64.StdEncoding.EncodeToString(root[:31])+"\n"), s.PublicKey()},
		"a line more":              {statement(t, s, c.Text()+"more\n"), s.PublicKey()},
	} {
		if _, err := proof.OpenCheckpoint(bad.signed, bad.key); !errors.Is(err, proof.ErrCheckpoint) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	if _, err := proof.OpenCheckpoint(signed, "nonsense"); err == nil {
		t.Error("a key that is none")
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "PRIVATE") || !strings.Contains(text, "redacted") {
		t.Error(text)
	}
}

func statement(t *testing.T, s *Signer, text string) []byte {
	t.Helper()
	b, err := s.Statement(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
