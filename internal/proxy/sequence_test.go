package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// feed gives people one after the other. Each line or event is one record.
func feed(kind string) ir.Endpoint {
	return ir.Endpoint{
		Name: "feed", Methods: []string{"GET"}, Path: "/v1/feed", Processing: shows,
		Response: &ir.Message{
			Format:  map[string]ir.Format{"application/x-ndjson": ir.FormatNDJSON, "text/event-stream": ir.FormatEventStream}[kind],
			Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email"}},
		},
	}
}

// open is a stream that is open: what is given to send goes into it, and next gives what comes out.
type open struct {
	t      *testing.T
	road   *road
	send   chan string
	lines  chan string
	answer *http.Response
	ended  sync.Once
}

// end ends the stream at the service, well.
func (o *open) end() { o.ended.Do(func() { close(o.send) }) }

func openStream(t *testing.T, r *road, kind string) *open {
	t.Helper()
	o := &open{t: t, road: r, send: make(chan string), lines: make(chan string, 16)}
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(200)
		client := http.NewResponseController(w)
		_ = client.Flush()
		for s := range o.send {
			if s == "break off" {
				panic(http.ErrAbortHandler)
			}
			if _, err := io.WriteString(w, s); err != nil {
				return
			}
			_ = client.Flush()
		}
	}
	req, err := http.NewRequest("GET", "http://"+r.listen(service).String()+"/v1/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "customers.crm"
	o.answer, err = http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.end()
		_ = o.answer.Body.Close()
	})
	go func() {
		defer close(o.lines)
		s := bufio.NewScanner(o.answer.Body)
		for s.Scan() {
			if s.Text() != "" {
				o.lines <- s.Text()
			}
		}
		if s.Err() != nil {
			o.lines <- "broken"
		}
	}()
	return o
}

// next gives the next line; "" after a whole end, "broken" after another one, "nothing" if none comes.
func (o *open) next() string {
	select {
	case s := <-o.lines:
		return s
	case <-time.After(2 * time.Second):
		return "nothing"
	}
}

// changeable are facts that can be changed while streams are open.
type changeable struct {
	bertAgrees atomic.Bool
	late       atomic.Bool
}

func (c *changeable) facts() told {
	return told{
		fact: func(i consent.Identifier, p consent.PurposeID) consent.Fact {
			if strings.HasPrefix(i.Value, "anna") || (strings.HasPrefix(i.Value, "bert") && c.bertAgrees.Load()) {
				return everybody(i, p)
			}
			return consent.Fact{}
		},
		now: func() decide.Now {
			if c.late.Load() {
				return decide.Now{Ledger: scenario.Now, Age: time.Hour}
			}
			return decide.Now{Ledger: scenario.Now}
		},
	}
}

var framings = map[string]func(string) string{
	"application/x-ndjson": func(s string) string { return s + "\n" },
	"text/event-stream":    func(s string) string { return "id: bert@example.org\nevent: seen\ndata: " + s + "\n\n" },
}

func record(name string) string { return fmt.Sprintf(`{"email":"%s@example.org"}`, name) }

// person waits for the next record.
func (o *open) person() string {
	for {
		s := o.next()
		if strings.HasPrefix(s, "event:") {
			continue
		}
		return strings.TrimPrefix(s, "data: ")
	}
}

func feeding(t *testing.T, kind string) (*road, *changeable) {
	t.Helper()
	r := withEndpoints(t, ir.OnMissingDropRecord, "", feed(kind))
	c := &changeable{}
	c.bertAgrees.Store(true)
	for name := range r.current.Load().Facts {
		r.current.Load().Facts[name] = c.facts()
	}
	return r, c
}

// TestAWithdrawalReachesOpenStreams: what comes later of this person does not come; that of others does.
func TestAWithdrawalReachesOpenStreams(t *testing.T) {
	for kind, framed := range framings {
		t.Run(kind, func(t *testing.T) {
			r, c := feeding(t, kind)
			o := openStream(t, r, kind)
			for _, name := range []string{"anna", "bert"} {
				o.send <- framed(record(name))
				if got := o.person(); got != record(name) {
					t.Fatalf("got %q", got)
				}
			}
			c.bertAgrees.Store(false)
			o.send <- framed(record("bert")) + framed(record("anna.2"))
			if got := o.person(); got != record("anna.2") {
				t.Fatalf("got %q", got)
			}
			o.end()
			if got := o.next(); got != "" {
				t.Errorf("the end is %q", got)
			}
		})
	}
}

// TestAStreamIsCut when what it rests on is no longer so. It never ends as if it were whole.
func TestAStreamIsCut(t *testing.T) {
	for kind, framed := range framings {
		for name, change := range map[string]func(*road, *changeable) string{
			"facts are too old": func(_ *road, c *changeable) string { c.late.Store(true); return framed(record("anna.2")) },
			"the bundle takes the endpoint away": func(r *road, _ *changeable) string {
				b := *r.current.Load().Index.Bundle()
				b.Rules = nil
				r.current.Store(&State{Index: decide.NewIndex(&b), Facts: r.current.Load().Facts})
				return framed(record("anna.2"))
			},
			"a record cannot be read": func(*road, *changeable) string {
				return framed(`{"email":"anna.2@example.org","email":"bert@example.org"}`)
			},
			"a record breaks off": func(*road, *changeable) string {
				return strings.TrimRight(framed(record("anna.2")), "\n")[:20] + "\n\n"
			},
			"a record is too large": func(*road, *changeable) string {
				return framed(`{"email":"anna.2@example.org","x":"` + strings.Repeat("x", maxRecord) + `"}`)
			},
			"the service breaks off":               func(*road, *changeable) string { return "break off" },
			"the service breaks off in the record": nil,
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				r, c := feeding(t, kind)
				o := openStream(t, r, kind)
				o.send <- framed(record("anna"))
				if got := o.person(); got != record("anna") {
					t.Fatalf("got %q", got)
				}
				if change == nil {
					o.send <- framed(record("anna.2"))[:20]
					o.send <- "break off"
				} else {
					o.send <- change(r, c)
				}
				if name == "a record breaks off" && kind == "text/event-stream" {
					return // a line without a name of a field is no data
				}
				if got := o.person(); got != "broken" {
					t.Errorf("after the change: %.100q", got)
				}
				o.end()
			})
		}
	}
}

// TestABundleThatChangesNothingHereCutsNothing: bundles change whenever anybody's policy does.
func TestABundleThatChangesNothingHereCutsNothing(t *testing.T) {
	r, _ := feeding(t, "application/x-ndjson")
	o := openStream(t, r, "application/x-ndjson")
	o.send <- record("anna") + "\n"
	o.person()
	b := *r.current.Load().Index.Bundle()
	b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedDeny}
	r.current.Store(&State{Index: decide.NewIndex(&b), Facts: r.current.Load().Facts})
	o.send <- record("bert") + "\n"
	if got := o.person(); got != record("bert") {
		t.Errorf("got %q", got)
	}
	o.end()
}

// TestEventsAreRead as the standard has them, and only their names, times and data pass.
func TestEventsAreRead(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"one":                            {"data: " + record("anna") + "\n\n", "data: " + record("anna") + "\n\n"},
		"one after a mark of its bytes":  {"\ufeffdata:" + record("anna") + "\n\n", "data: " + record("anna") + "\n\n"},
		"lines that end in CRLF":         {"data: " + record("anna") + "\r\n\r\n", "data: " + record("anna") + "\n\n"},
		"a comment":                      {": bert@example.org\n\ndata: " + record("anna") + "\n\n", ":\ndata: " + record("anna") + "\n\n"},
		"an id and an unknown field":     {"id: bert@example.org\nwho: bert@example.org\nevent: new\nretry: 10\ndata: " + record("anna") + "\n\n", "event: new\nretry: 10\ndata: " + record("anna") + "\n\n"},
		"an event that names a person":   {"event: bert@example.org\ndata: " + record("anna") + "\n\n", "event:\ndata: " + record("anna") + "\n\n"},
		"a retry that is no number":      {"retry: bert\ndata: " + record("anna") + "\n\n", "data: " + record("anna") + "\n\n"},
		"a field beside the declared":    {`data: {"email":"anna@example.org","health":"nuts"}` + "\n\n", "data: " + record("anna") + "\n\n"},
		"somebody who did not agree":     {"event: new\ndata: " + record("carl") + "\n\n", ""},
		"an event without an end":        {"data: " + record("anna") + "\n", ""},
		"an event without data":          {"event: new\n\n", ""},
		"a comment within an event":      {"event: new\n: bert\ndata: " + record("anna") + "\n\n", ":\nevent: new\ndata: " + record("anna") + "\n\n"},
		"a record that names nobody":     {`data: {"x":"bert@example.org"}` + "\n\n", ""},
		"several lines of data":          {"data: {\"email\":\ndata: \"anna@example.org\"}\n\n", "data: {\"email\":\t\"anna@example.org\"}\n\n"},
		"a CR that ends lines for some":  {"data: " + record("anna") + "\rdata: x\n\n", "broken"},
		"a record that is no JSON":       {"data: bert@example.org\n\n", "broken"},
		"two records in one event":       {"data: " + record("anna") + record("bert") + "\n\n", "broken"},
		"a list where a record belongs":  {"data: " + record("anna") + "," + record("bert") + "\n\n", "broken"},
		"JSON whose brackets do not fit": {"data: " + record("anna") + "],[" + record("bert") + "\n\n", "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := feeding(t, "text/event-stream")
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, tt.in)
			}
			res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw(t, r.listen(service), get("GET /v1/feed", "")))), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if tt.want == "broken" {
				if err == nil || strings.Contains(string(body), "bert") {
					t.Errorf("%q, %v", body, err)
				}
			} else if string(body) != tt.want || err != nil {
				t.Errorf("got  %q, %v\nwant %q", body, err, tt.want)
			}
		})
	}
}

// TestShortSequencesAreDecidedAboutAsAWhole, so that what is wrong is told by a status.
func TestShortSequencesAreDecidedAboutAsAWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		onMissing ir.OnMissing
		body      string
		chunked   bool
		want      string
	}{
		"people who agreed":                    {ir.OnMissingDropRecord, record("anna") + "\n" + record("carl") + "\n", false, record("anna") + "\n"},
		"a record that cannot be read":         {ir.OnMissingDropRecord, record("anna") + "\n{", false, "502"},
		"somebody who did not, where none may": {ir.OnMissingDeny, record("anna") + "\n" + record("carl") + "\n", true, "403"},
		"everybody agreed, where all have to":  {ir.OnMissingDeny, record("anna") + "\n\n" + record("anna.2"), true, record("anna") + "\n\n" + record("anna.2")},
	} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, tt.onMissing, "", feed("application/x-ndjson"))
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/x-ndjson")
				if tt.chunked {
					_ = http.NewResponseController(w).Flush()
				} else {
					w.Header().Set("Content-Length", fmt.Sprint(len(tt.body)))
				}
				_, _ = io.WriteString(w, tt.body)
			}
			answer := raw(t, r.listen(service), get("GET /v1/feed", ""))
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			if body != tt.want && !strings.HasPrefix(answer, "HTTP/1.1 "+tt.want+" ") {
				t.Errorf("answer %q", answer)
			}
		})
	}
}

// TestObservedStreamsFlow: where nothing is enforced a stream passes as it is and when it comes, and is counted.
func TestObservedStreamsFlow(t *testing.T) {
	r, c := feeding(t, "application/x-ndjson")
	c.bertAgrees.Store(false)
	b := *r.current.Load().Index.Bundle()
	b.Mode, b.Rules = ir.ModeObserve, append([]ir.Rule(nil), b.Rules...)
	for i := range b.Rules {
		b.Rules[i].Mode = ir.ModeObserve
	}
	r.current.Store(&State{Index: decide.NewIndex(&b), Facts: r.current.Load().Facts})
	o := openStream(t, r, "application/x-ndjson")
	for _, one := range []string{record("bert"), "no JSON", record("anna")} {
		o.send <- one + "\n"
		if got := o.next(); got != one {
			t.Errorf("got %q", got)
		}
	}
	o.end()
	if got := o.next(); got != "" {
		t.Errorf("the end is %q", got)
	}
	s := r.proxy.Metrics.Summary()["profile-view"]
	if s.PeopleRefused != 1 || s.Requests[decide.Deny] != 1 {
		t.Errorf("counted %+v", s)
	}
}

// TestABodyThatCameSlowlyIsDecidedAboutWhenItIsThere: consent that was withdrawn while the client was still sending does not count, nor
// does a bundle that is no longer in force.
func TestABodyThatCameSlowlyIsDecidedAboutWhenItIsThere(t *testing.T) {
	for name, change := range map[string]func(*road, *atomic.Bool){
		"nothing":      func(*road, *atomic.Bool) {},
		"a withdrawal": func(_ *road, gone *atomic.Bool) { gone.Store(true) },
		"a bundle": func(r *road, _ *atomic.Bool) {
			b := *r.current.Load().Index.Bundle()
			b.Rules = nil
			r.current.Store(&State{Index: decide.NewIndex(&b), Facts: r.current.Load().Facts})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			var gone atomic.Bool
			for c := range r.current.Load().Facts {
				r.current.Load().Facts[c] = told{
					fact: func(i consent.Identifier, p consent.PurposeID) consent.Fact {
						if gone.Load() {
							return consent.Fact{}
						}
						return everybody(i, p)
					},
					now: func() decide.Now { return decide.Now{Ledger: scenario.Now} },
				}
			}
			body, slow := io.Pipe()
			req, err := http.NewRequest("POST", "http://"+r.listen(service).String()+"/v3/mail/send", body)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "api.esp"
			req.Header.Set("Content-Type", "application/json")
			done := make(chan int)
			go func() {
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					done <- 0
					return
				}
				_ = res.Body.Close()
				done <- res.StatusCode
			}()
			_, _ = io.WriteString(slow, newsletter[:20])
			time.Sleep(50 * time.Millisecond) // the request has begun
			change(r, &gone)
			_, _ = io.WriteString(slow, newsletter[20:])
			_ = slow.Close()
			status := <-done
			if (len(r.requests()) == 1) != (name == "nothing") || (status == 200) != (name == "nothing") {
				t.Errorf("status %d, %d requests reached the service", status, len(r.requests()))
			}
		})
	}
}
