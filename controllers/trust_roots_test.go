package controllers

import (
	"bytes"
	"testing"
	"time"
)

func TestRoots(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	old, fresh := newAuthority("old", now.Add(24*time.Hour)), newAuthority("new", now.Add(365*24*time.Hour))
	expired := newAuthority("expired", now.Add(-time.Second))
	leaf, key := fresh.leaf(now, now.Add(time.Hour), []string{"a.example"})
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, test := range map[string]struct{ current, earlier, want []byte }{
		"the first authority stands alone":                {fresh.roots, nil, fresh.roots},
		"an earlier authority stays, after the newer one": {fresh.roots, old.roots, join(fresh.roots, old.roots)},
		"each stands there once":                          {fresh.roots, join(fresh.roots, old.roots, old.roots), join(fresh.roots, old.roots)},
		"an authority that has expired goes":              {fresh.roots, join(old.roots, expired.roots), join(fresh.roots, old.roots)},
		"what is no authority is not trusted":             {fresh.roots, leaf, fresh.roots},
		"keys are not handed out":                         {join(key, fresh.roots), key, fresh.roots},
		"nonsense before and after changes nothing":       {join([]byte("# ours\n"), fresh.roots), []byte("nonsense\n"), fresh.roots},
		"a text without its last line break joins":        {bytes.TrimSpace(fresh.roots), old.roots, join(fresh.roots, old.roots)},
		"without any authority there are no roots":        {nil, expired.roots, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Roots(now, test.current, test.earlier); !bytes.Equal(got, test.want) {
				t.Errorf("want\n%s\ngot\n%s", test.want, got)
			}
		})
	}
}

func TestAuthorityName(t *testing.T) {
	a, b := AuthorityName([]byte("a")), AuthorityName([]byte("b"))
	if a == b || a != AuthorityName([]byte("a")) || len(a) != 16 {
		t.Errorf("names tell authorities apart and stay: %q, %q", a, b)
	}
}
