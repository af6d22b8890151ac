package envoy

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// example is a CheckRequest in bytes.
func example() []byte {
	http := text(text(text(nil, 2, "GET"), 4, "/v1/customers"), 5, "customers.crm")
	http = message(http, 3, func(b []byte) []byte { return text(text(b, 1, "optup-purpose"), 2, "profile-view") })
	http = protowire.AppendBytes(protowire.AppendTag(http, 12, protowire.BytesType), []byte("{}"))
	attributes := message(nil, 4, func(b []byte) []byte { return message(b, 2, func(b []byte) []byte { return append(b, http...) }) })
	attributes = message(attributes, 10, func(b []byte) []byte { return text(text(b, 1, "optup-body"), 2, "sent") })
	attributes = message(attributes, 2, func(b []byte) []byte {
		return message(b, 1, func(b []byte) []byte {
			return message(b, 1, func(b []byte) []byte { return number(text(b, 2, "192.0.2.1"), 3, 80) })
		})
	})
	return message(nil, 1, func(b []byte) []byte { return append(b, attributes...) })
}

func TestReading(t *testing.T) {
	c, err := read(example())
	if err != nil {
		t.Fatal(err)
	}
	if c.Method != "GET" || c.Path != "/v1/customers" || c.Host != "customers.crm" || !slices.Equal(c.Header["Optup-Purpose"], []string{"profile-view"}) ||
		string(c.Body) != "{}" || c.Text || c.Extensions["optup-body"] != "sent" || c.Destination.String() != "192.0.2.1:80" {
		t.Errorf("%+v", c)
	}
	for i := range example() {
		if _, err := read(example()[:i]); err == nil && i > 0 {
			t.Errorf("%d bytes of a message are one", i)
		}
	}
}

// FuzzReading: whatever comes ends as a check or as an error, and what is read of a check does not depend on fields that nobody knows.
func FuzzReading(f *testing.F) {
	f.Add(example())
	f.Add([]byte{0x0a, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := read(b)
		more, errMore := read(text(slices.Clone(b), 77, "x"))
		if (err == nil) != (errMore == nil) || (err == nil && (c.Path != more.Path || len(c.Header) != len(more.Header))) {
			t.Errorf("%v and %v", err, errMore)
		}
	})
}

// framed puts the prefix of gRPC before a message.
func framed(message []byte) []byte {
	return append([]byte{0, byte(len(message) >> 24), byte(len(message) >> 16), byte(len(message) >> 8), byte(len(message))}, message...)
}

// call makes a call without a connection.
func call(s *Server, message []byte, headers ...string) *httptest.ResponseRecorder {
	return send(s, framed(message), headers...)
}

func send(s *Server, framed []byte, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, checkPath, bytes.NewReader(framed))
	r.ProtoMajor = 2
	r.Header.Set("Content-Type", "application/grpc")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// TestACheckThatNobodyWaitsForIsNotDecided, so that no use is recorded that never was.
func TestACheckThatNobodyWaitsForIsNotDecided(t *testing.T) {
	decided := 0
	s := &Server{
		Decide: func(context.Context, *Check, http.Header) Verdict { decided++; return Verdict{Allow: true} },
		Refuse: func(Unreadable) Verdict { return Verdict{Status: 500} }, Hold: func(int64) (func(), bool) { return func() {}, true },
	}
	for timeout, want := range map[string]string{"1n": codeDeadlineExceeded, "0S": codeDeadlineExceeded, "1H": codeOK, "": codeOK, "x": codeOK, "99999999H": codeOK} {
		before := decided
		if got := call(s, example(), "Grpc-Timeout", timeout).Header().Get("Grpc-Status"); got != want || (decided > before) != (want == codeOK) {
			t.Errorf("%q: %s", timeout, got)
		}
	}
}

// TestMemoryIsHeldForLargeMessagesOnly, and given back.
func TestMemoryIsHeldForLargeMessagesOnly(t *testing.T) {
	held, room := int64(0), true
	s := &Server{
		Decide: func(context.Context, *Check, http.Header) Verdict { return Verdict{Allow: true} },
		Refuse: func(u Unreadable) Verdict { return Verdict{Status: 500 + int(u)} },
		Hold:   func(n int64) (func(), bool) { held += n; return func() { held -= n }, room },
	}
	large := text(example(), 77, strings.Repeat("x", 1<<20))
	if call(s, example()); held != 0 {
		t.Errorf("%d held", held)
	}
	if call(s, large); held != 0 {
		t.Errorf("%d held after a large message", held)
	}
	room = false
	if w := call(s, large); !bytes.Contains(w.Body.Bytes(), number(nil, 1, 500+int(Busy))) {
		t.Errorf("without room: %v", w.Body.Bytes())
	}
}

// TestWhatIsNotOneMessageIsRefused by an answer, and is not decided about, even where what can be read of it would be allowed.
func TestWhatIsNotOneMessageIsRefused(t *testing.T) {
	compressed, large := framed(example()), framed(text(example(), 77, strings.Repeat("x", maxMessage)))
	compressed[0] = 1
	for name, c := range map[string]struct {
		sent []byte
		want Unreadable
	}{
		"flagged as compressed": {compressed, Malformed},
		"larger than is read":   {large, TooLarge},
		"two messages":          {append(framed(example()), framed(example())...), Malformed},
		"bytes behind it":       {append(framed(example()), 0), Malformed},
		"less than it says":     {framed(example())[:20], Malformed},
		"no message":            {nil, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{
				Decide: func(context.Context, *Check, http.Header) Verdict {
					t.Error("it was decided about")
					return Verdict{Allow: true}
				},
				Refuse: func(u Unreadable) Verdict { return Verdict{Status: 500 + int(u)} }, Hold: func(int64) (func(), bool) { return func() {}, true },
			}
			if w := send(s, c.sent); !bytes.Contains(w.Body.Bytes(), number(nil, 1, 500+int(c.want))) {
				t.Errorf("%v", w.Body.Bytes())
			}
		})
	}
}

// TestAPanicDeniesByAnAnswer: a broken stream is an error of gRPC, which Envoy may be told to let pass.
func TestAPanicDeniesByAnAnswer(t *testing.T) {
	told := 0
	s := &Server{
		Decide: func(context.Context, *Check, http.Header) Verdict { panic("anna@example.org") },
		Refuse: func(u Unreadable) Verdict { return Verdict{Status: 500 + int(u)} }, Hold: func(int64) (func(), bool) { return func() {}, true },
		Panicked: func() { told++ },
	}
	if w := call(s, example()); told != 1 || !bytes.Contains(w.Body.Bytes(), number(nil, 1, 500)) || bytes.Contains(w.Body.Bytes(), []byte("anna")) {
		t.Errorf("told %d times: %v", told, w.Body.Bytes())
	}
}

func TestDeadlines(t *testing.T) {
	now := time.Unix(0, 0)
	for text, want := range map[string]time.Duration{"5S": 5 * time.Second, "100m": 100 * time.Millisecond, "7u": 7 * time.Microsecond, "2M": 2 * time.Minute} {
		if got := deadline(http.Header{"Grpc-Timeout": {text}}, now).Sub(now); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	for _, text := range []string{"", "S", "5", "5s", "-5S", "123456789S"} {
		if !deadline(http.Header{"Grpc-Timeout": {text}}, now).IsZero() {
			t.Errorf("%q is a time", text)
		}
	}
}

// TestOtherProtocolsAreRefused: this is no place for a browser.
func TestOtherProtocolsAreRefused(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, checkPath, nil)
	r.Header.Set("Content-Type", "application/grpc")
	w := httptest.NewRecorder()
	if (&Server{}).ServeHTTP(w, r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("HTTP/1.1: %d", w.Code)
	}
}
