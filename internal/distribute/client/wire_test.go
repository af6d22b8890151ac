package client

import (
	"context"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// message is one of a stream, as the Connect protocol has it.
func message(flags byte, text string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(text)))) + text
}

// TestWhatAManagerMaySend: beside the real server, which the tests of internal/distribute/server run against, one that is wrong.
func TestWhatAManagerMaySend(t *testing.T) {
	const kind = "application/connect+json"
	for name, c := range map[string]struct {
		status int
		kind   string
		body   string
		// want is in the error that ends the stream; received is how many messages came before.
		want     string
		received int
	}{
		"a stream that ends":                 {200, kind, message(0, `{"generation":"7","bundle":"e30="}`) + message(2, `{}`), "EOF", 1},
		"members of a newer manager":         {200, kind, message(0, `{"generation":7,"of":"tomorrow"}`) + message(0, `{"generation":"8","of":"tomorrow"}`), "json", 0},
		"an error at the end":                {200, kind, message(0, `{}`) + message(2, `{"error":{"code":"unauthenticated","message":"the token is over"}}`), "unauthenticated: the token is over", 1},
		"a stream that breaks off":           {200, kind, message(0, `{}`), "unexpected EOF", 1},
		"a message that breaks off":          {200, kind, message(0, `{"generation":"7"}`)[:10], "unexpected EOF", 0},
		"a message longer than any bundle":   {200, kind, "\x00\xff\xff\xff\xff{", errTooLong.Error(), 0},
		"compressed, which nobody asked for": {200, kind, message(1, `{}`), "compressed", 0},
		"flags of tomorrow":                  {200, kind, message(4, `{}`), "flags 4", 0},
		"no JSON":                            {200, kind, message(0, `<`), "invalid character", 0},
		"another protocol":                   {200, "text/html", "<html>", "the manager answers 200 OK", 0},
		"a refusal":                          {403, "application/json", `{"code":"permission_denied","message":"nobody knows you"}`, "permission_denied: nobody knows you", 0},
		"a refusal without words":            {503, "text/plain", `busy`, "the manager answers 503 Service Unavailable", 0},
		"another place":                      {307, "text/plain", ``, "the manager answers 307 Temporary Redirect", 0},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; r.URL.Path != "/optup.config.v1.ConfigService/Watch" || r.Header.Get("Content-Type") != kind || r.Header.Get("Connect-Protocol-Version") != "1" {
					t.Errorf("asked for %s with %v", r.URL, r.Header)
				}
				w.Header().Set("Content-Type", c.kind)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer s.Close()
			conn := &connection{manager: s.URL, client: &http.Client{CheckRedirect: stay}}
			received := 0
			stream, err := conn.watch(t.Context(), watchRequest{Schema: 1})
			if err == nil {
				defer stream.close()
				for _, err = stream.next(); err == nil; _, err = stream.next() {
					received++
				}
			}
			if !strings.Contains(err.Error(), c.want) || received != c.received || asked != 1 {
				t.Errorf("%d messages, asked %d times, then %v", received, asked, err)
			}
			if errors.Is(err, io.EOF) != (c.want == "EOF") {
				t.Errorf("%v counts as an end in order", err)
			}
		})
	}
}

func TestMessagesAreReadAsTheyAreDeclared(t *testing.T) {
	s := &stream{io.NopCloser(strings.NewReader(message(0,
		`{"generation":"9007199254740993","hash":"ab","bundle":"eyJhIjoxfQ==","ledgerGrant":"jws","ledgerGrantExpires":"2026-01-02T03:04:05.5Z","heartbeat":true}`)))}
	m, err := s.next()
	if err != nil || m.Generation != 1<<53+1 || m.Hash != "ab" || string(m.Bundle) != `{"a":1}` || m.LedgerGrant != "jws" ||
		m.LedgerGrantExpires.UnixMilli() != 1767323045500 || !m.Heartbeat {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestAManagerThatIsAwayIsToldFromOneThatEnds(t *testing.T) {
	conn := &connection{manager: "http://127.0.0.1:1", client: &http.Client{}}
	if _, err := conn.watch(context.Background(), watchRequest{}); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if err := conn.acknowledge(context.Background(), acknowledgeRequest{}); err == nil {
		t.Error("nobody acknowledged")
	}
}

// TestTheTokenGoesToNoOtherPlace: it is added to every request that leaves, so none may go where a redirect points.
func TestTheTokenGoesToNoOtherPlace(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("the token is missing: %v", r.Header)
		}
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	trust, token := filepath.Join(t.TempDir(), "ca.crt"), filepath.Join(t.TempDir(), "token")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := errors.Join(os.WriteFile(trust, ca, 0o600), os.WriteFile(token, []byte("secret\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	c := &client{Options: Options{Manager: s.URL, TrustFile: trust, TokenFile: token}}
	conn, err := c.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	_, err = conn.watch(t.Context(), watchRequest{Schema: 1})
	if again := conn.acknowledge(t.Context(), acknowledgeRequest{}); err == nil || again == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("%v, %v", err, again)
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}
