package access_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/problem"
)

func open(t *testing.T, l *ledgertest.Ledger) *access.Guard {
	t.Helper()
	g, err := access.Open(access.Options{
		ConfigFile: l.ConfigFile, DevToken: ledgertest.DevToken, Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func request(token, grant, own, remote string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	addr, _ := net.ResolveTCPAddr("tcp", own)
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(addr)))
	r.RemoteAddr = remote
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if grant != "" {
		r.Header.Set("OptUp-Grant", grant)
	}
	return r
}

const (
	pod  = "10.0.0.7:8443"
	peer = "10.0.0.9:4711"
)

func status(err error) int {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}

func TestTheDevelopmentTokenCountsOnLoopbackOnly(t *testing.T) {
	g := open(t, ledgertest.New(t))
	for name, c := range map[string]struct {
		token, own, remote string
		ok                 bool
	}{
		"on IPv4 loopback":                {ledgertest.DevToken, "127.0.0.1:8443", "127.0.0.1:5000", true},
		"on IPv6 loopback":                {ledgertest.DevToken, "[::1]:8443", "[::1]:5000", true},
		"not on the address of a pod":     {ledgertest.DevToken, pod, peer, false},
		"not from elsewhere":              {ledgertest.DevToken, "127.0.0.1:8443", peer, false},
		"not to a pod's address, from it": {ledgertest.DevToken, pod, "127.0.0.1:5000", false},
		"not another token":               {ledgertest.DevToken + "x", "127.0.0.1:8443", "127.0.0.1:5000", false},
		"not an empty token":              {"", "127.0.0.1:8443", "127.0.0.1:5000", false},
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := g.Caller(request(c.token, "", c.own, c.remote))
			if (err == nil) != c.ok || (!c.ok && status(err) != 401) || c.ok != caller.Has(access.RoleOfficer) {
				t.Fatalf("%+v, %v", caller, err)
			}
		})
	}
	if _, err := access.Open(access.Options{ConfigFile: ledgertest.New(t).ConfigFile, DevToken: "short", Now: time.Now}); err == nil {
		t.Fatal("a short development token was accepted")
	}
}

func TestRoles(t *testing.T) {
	l := ledgertest.New(t)
	g := open(t, l)
	for subject, want := range map[string][]access.Role{
		ledgertest.Touchpoint: {access.RoleTouchpoint}, ledgertest.Reader: {access.RoleReader}, ledgertest.Officer: {access.RoleOfficer}, ledgertest.Sidecar: nil,
	} {
		c, err := g.Caller(request(l.Token(subject, "pod-1", time.Hour), "", pod, peer))
		if err != nil || !slices.Equal(c.Roles, want) || c.Subject != subject {
			t.Errorf("%s: %+v, %v", subject, c, err)
		}
	}
}

func TestSubscriber(t *testing.T) {
	l := ledgertest.New(t)
	g := open(t, l)
	foreign := ledgertest.NewAuthority(t)
	token := l.Token(ledgertest.Sidecar, "pod-1", time.Hour)
	for name, c := range map[string]struct {
		token, grant string
		wanted, want []consent.PurposeID
		status       int
	}{
		"all purposes of the grant": {
			token: token, grant: l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "b", "a", "a"), want: []consent.PurposeID{"a", "b"},
		},
		"fewer, when asked for fewer": {
			token: token, grant: l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "a", "b"), wanted: []consent.PurposeID{"b", "c"}, want: []consent.PurposeID{"b"},
		},
		"never more than the grant names": {
			token: token, grant: l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "a"), wanted: []consent.PurposeID{"c"}, status: 403,
		},
		"a grant for nothing":          {token: token, grant: l.Grant(ledgertest.Sidecar, "pod-1", time.Minute), status: 403},
		"no grant":                     {token: token, status: 403},
		"no token":                     {grant: l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "a"), status: 401},
		"another pod's grant":          {token: token, grant: l.Grant(ledgertest.Sidecar, "pod-2", time.Minute, "a"), status: 403},
		"another account's grant":      {token: token, grant: l.Grant(ledgertest.Reader, "pod-1", time.Minute, "a"), status: 403},
		"a grant that nobody signed":   {token: token, grant: foreign.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "a"), status: 403},
		"a token that nobody signed":   {token: foreign.Token(ledgertest.Sidecar, "pod-1", time.Hour), grant: l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "a"), status: 401},
		"a token is no grant":          {token: token, grant: token, status: 403},
		"a role alone is no grant":     {token: l.Token(ledgertest.Officer, "pod-1", time.Hour), status: 403},
		"the development token abroad": {token: ledgertest.DevToken, wanted: []consent.PurposeID{"a"}, status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := g.Subscriber(request(c.token, c.grant, pod, peer), c.wanted)
			if status(err) != c.status || (err == nil && !slices.Equal(s.Purposes, c.want)) {
				t.Fatalf("%v, %v; want %v, %d", s.Purposes, err, c.want, c.status)
			}
			if err == nil && (time.Until(s.Expires) > time.Minute || s.Expires.IsZero()) {
				t.Fatalf("it lasts until %v, longer than the grant", s.Expires)
			}
			if err != nil && c.grant != "" && strings.Contains(err.Error(), c.grant[:20]) {
				t.Fatal("the error shows the grant")
			}
		})
	}
	s, err := g.Subscriber(request(l.Token(ledgertest.Sidecar, "pod-1", 10*time.Second), l.Grant(ledgertest.Sidecar, "pod-1", time.Minute, "a"), pod, peer), nil)
	if err != nil || time.Until(s.Expires) > 10*time.Second {
		t.Fatalf("it lasts until %v, longer than the token; %v", s.Expires, err)
	}
}

func TestTheConfigurationIsReadAgain(t *testing.T) {
	l := ledgertest.New(t)
	g := open(t, l)
	officer := func() bool {
		t.Helper()
		c, err := g.Caller(request(l.Token(ledgertest.Touchpoint, "pod-1", time.Hour), "", pod, peer))
		if err != nil {
			t.Fatal(err)
		}
		return c.Has(access.RoleOfficer)
	}
	if officer() {
		t.Fatal("a touchpoint is no officer")
	}
	promoted := map[string]any{"access": []any{map[string]any{"subject": ledgertest.Touchpoint, "roles": []string{"officer"}}}}
	l.Configure(promoted)
	if !officer() {
		t.Fatal("the new content is not in force")
	}
	l.Write("config.json", []byte("{broken"))
	if !officer() {
		t.Fatal("broken content is in force")
	}
	l.Configure(map[string]any{"controller": "other-gmbh", "access": []any{}})
	if !officer() || g.Config().Controller != ledgertest.Controller {
		t.Fatal("the ledger passed to another controller")
	}
	l.Configure(map[string]any{"access": []any{}})
	if officer() {
		t.Fatal("a role that was taken away still counts")
	}
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		ok     bool
		people int64
	}{
		"the least":                     {`{"controller":"a"}`, true, 0},
		"members of a newer version":    {`{"controller":"a","novel":{}}`, true, 0},
		"a population as a number":      {`{"controller":"a","population":12}`, true, 12},
		"a population of registers":     {`{"controller":"a","population":{"sources":[{"name":"x","people":12},{"name":"y","people":30}]}}`, true, 42},
		"no population":                 {`{"controller":"a","population":null}`, true, 0},
		"fewer people than none":        {`{"controller":"a","population":-1}`, false, 0},
		"no controller":                 {`{}`, false, 0},
		"an unknown role":               {`{"controller":"a","access":[{"subject":"s","roles":["admin"]}]}`, false, 0},
		"a subject twice":               {`{"controller":"a","access":[{"subject":"s","roles":[]},{"subject":"s","roles":[]}]}`, false, 0},
		"an issuer without an audience": {`{"controller":"a","issuers":[{"issuer":"i","jwksFile":"f"}]}`, false, 0},
		"what is no JSON":               {`controller: a`, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := access.Parse([]byte(c.config), "/etc/optup")
			if (err == nil) != c.ok {
				t.Fatalf("err = %v", err)
			}
			if c.people > 0 && (got.Population == nil || got.Population.People != c.people) {
				t.Fatalf("population %+v", got.Population)
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "127.8.9.1:1": true, "[::ffff:127.0.0.1]:1": true,
		":8443": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "127.0.0.1": false, "localhost.evil.example:1": false, "": false,
	} {
		if access.Loopback(address) != want {
			t.Errorf("%q is loopback: %v, want %v", address, !want, want)
		}
	}
}

// TestARoleThatWasTakenAwayIsGoneSoon: at the next request, or as soon as the file is looked at again.
func TestARoleThatWasTakenAwayIsGoneSoon(t *testing.T) {
	for _, every := range []time.Duration{0, access.EveryNow} {
		l := ledgertest.New(t)
		g, err := access.Open(access.Options{ConfigFile: l.ConfigFile, Every: every, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		has := func() bool {
			t.Helper()
			c, err := g.Caller(request(l.Token(ledgertest.Reader, "pod-1", time.Hour), "", pod, peer))
			if err != nil {
				t.Fatal(err)
			}
			return c.Has(access.RoleReader)
		}
		if !has() {
			t.Fatal("the reader has no role")
		}
		l.Configure(map[string]any{"access": nil})
		had := has()
		if every == 0 && had {
			t.Error("the role is still there")
		}
		for end := time.Now().Add(30 * time.Second); had; had = has() {
			if time.Now().After(end) {
				t.Fatal("the role is still there after 10 seconds")
			}
			time.Sleep(time.Millisecond)
		}
	}
}
