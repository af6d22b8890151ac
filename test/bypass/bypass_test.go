package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/test/bypass/attack"
	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/bypass/world"
)

// TestNothingComesThrough is the fuzzer in small: every known shape and some mixtures, with ledger and sidecar in this process. The
// services for Node and Python are left out where the machine has none, unless it is a machine of CI.
func TestNothingComesThrough(t *testing.T) {
	languages := []string{world.Go}
	for _, l := range []string{world.Node, world.Python} {
		if world.Available(l) {
			languages = append(languages, l)
		} else if os.Getenv("CI") != "" {
			t.Errorf("%s is not on this machine", l)
		}
	}
	h := &harness{options: options{seed: 1, workers: 8, out: t.TempDir(), servers: languages}}
	var err error
	if h.world, err = world.Inside(t.Context(), h.seed, languages, h.sent); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.world.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := h.withoutSidecar(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := h.world.SidecarInside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	f := h.fuzzer(s.Addresses, nil)
	f.known, f.requests = true, attack.Known(languages)+1700
	f.run(t.Context())
	if err := f.control(); err != nil {
		t.Error(err)
	}
	if err := h.report(f, ""); err != nil {
		t.Error(err)
	}
}

// TestAMailIsJudgedByWhomItReaches: an invoice needs no consent, everything else does.
func TestAMailIsJudgedByWhomItReaches(t *testing.T) {
	w, err := world.Inside(t.Context(), 1, []string{world.Go}, func(liberal.Mail) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Stop() }()
	refused, permitted := w.Market.Refused[0].Mail, w.Market.Permitted[0].Mail
	for name, tt := range map[string]struct {
		mail  liberal.Mail
		leaks bool
	}{
		"news to somebody who agreed":    {liberal.Mail{Kind: "news", To: []string{permitted}}, false},
		"news to somebody who did not":   {liberal.Mail{Kind: "news", To: []string{permitted, refused}}, true},
		"nobody knows what, to somebody": {liberal.Mail{To: []string{refused}}, true},
		"an invoice":                     {liberal.Mail{Kind: "invoice", To: []string{refused}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if detail, _ := judgeMail(w.Market, tt.mail); (detail != "") != tt.leaks {
				t.Errorf("%q", detail)
			}
		})
	}
}

// TestARecordKeepsEveryByte of the request, so that it can be sent again.
func TestARecordKeepsEveryByte(t *testing.T) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	folder := t.TempDir()
	file, err := record{Kind: "a", Base: "b", Language: "go", Request: characters(all)}.keep(folder)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readRecord(file)
	if err != nil || !slices.Equal(fromCharacters(got.Request), all) {
		t.Errorf("%q, %v", got.Request, err)
	}
}

// TestEveryDefenceHasItsDefect: the names here are the build tags there.
func TestEveryDefenceHasItsDefect(t *testing.T) {
	files, err := filepath.Glob("../../internal/defence/*_off.go")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, f := range files {
		there = append(there, strings.TrimSuffix(filepath.Base(f), "_off.go"))
	}
	here := allDefects()
	slices.Sort(here)
	if !slices.Equal(here, there) {
		t.Errorf("%v, but internal/defence has %v", here, there)
	}
}

// TestWhatTellsAnswersApart: a time and a decision's number do not, everything else does.
func TestWhatTellsAnswersApart(t *testing.T) {
	one := func(status int, body string, header ...string) reply {
		a := answer{status: status, header: map[string][]string{"Date": {time.Now().String()}}, body: []byte(body)}
		for i := 0; i < len(header); i += 2 {
			a.header.Add(header[i], header[i+1])
		}
		return reply{answers: []answer{a}}
	}
	base := one(403, "abc", "Content-Type", "x")
	for name, tt := range map[string]struct {
		other reply
		same  bool
	}{
		"another number of the decision": {one(403, "abd", "Content-Type", "x"), true},
		"another status":                 {one(404, "abc", "Content-Type", "x"), false},
		"another length":                 {one(403, "abcd", "Content-Type", "x"), false},
		"another header":                 {one(403, "abc", "Content-Type", "y"), false},
		"no answer":                      {reply{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := base.shape() == tt.other.shape(); same != tt.same {
				t.Errorf("%q and %q", base.shape(), tt.other.shape())
			}
		})
	}
}
