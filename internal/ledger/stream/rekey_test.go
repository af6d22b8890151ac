package stream_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/wire"
)

// TestASidecarOfOneKeyIsRefused once the root key has changed: it would find nobody, and take an objection for the lack of one.
func TestASidecarOfOneKeyIsRefused(t *testing.T) {
	root := keys.NewRoot()
	l := ledgertest.New(t)
	l.Next = &root
	l.Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	s := subscribe2(t, l)
	next[hello2](s, 1)
	if n := l.Hub.Stats().OneKey; n != 1 {
		t.Errorf("%d streams of one key", n)
	}
	l.ChangeKey()
	for {
		if _, _, err := s.frames.Next(); err != nil {
			break // its stream has ended
		}
	}
	for _, version := range []string{"", "&version=3", "&version=2&version=3"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+"/v1/stream?purpose=newsletter"+version, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+l.Token(ledgertest.Sidecar, "pod-1", time.Hour))
		r.Header.Set("OptUp-Grant", l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("version %q: status %d", version, res.StatusCode)
		}
	}
}

// TestStreamsTellTagsOfOneKey: those of the key that sidecars are told, in snapshots and in changes.
func TestStreamsTellTagsOfOneKey(t *testing.T) {
	root := keys.NewRoot()
	l := ledgertest.New(t)
	l.Next = &root
	l.Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.ChangeKey()
	s := subscribe(t, l, time.Hour, "newsletter")
	hello := next[wire.Hello](s, wire.TypeHello)
	if len(hello.Later) != 1 || hello.KeyID == l.Keys.ID() {
		t.Fatalf("%+v", hello)
	}
	tagger, err := consent.NewTagger(hello.Key, hello.Later...)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := tagger.Tag(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	all := func(told []consent.Tag) {
		t.Helper()
		if len(told) != 3 || told[0] != tag {
			t.Fatalf("%d tags, among them that of the address: %v", len(told), len(told) > 0 && told[0] == tag)
		}
	}
	for typ := wire.Type(0); typ != wire.TypeSnapshotEnd; {
		var payload []byte
		if typ, payload, err = s.frames.Next(); err != nil {
			t.Fatal(err)
		}
		if typ == wire.TypePeople {
			var people wire.Tags
			if err := people.Read(payload); err != nil {
				t.Fatal(err)
			}
			all(people.Tags)
		}
	}
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	c := next[wire.Change](s, wire.TypeChange)
	var told []consent.Tag
	for _, tag := range c.People[0].Tags {
		told = append(told, consent.Tag(tag))
	}
	all(told)
}
