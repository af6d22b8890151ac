package proxy

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// profile is an endpoint whose whole answer is one record, found by a number that nobody knows anything by.
var profile = ir.Endpoint{
	Name: "profile", Methods: []string{"GET", "HEAD"}, Path: "/v1/profiles/{number}", Processing: shows,
	Response: &ir.Message{Records: &ir.Records{Identifier: "/email", Identifies: email, NotPersonal: []string{"/email"}}},
}

// search finds people by their address.
var search = ir.Endpoint{
	Name: "search", Methods: []string{"GET", "HEAD"}, Path: "/v1/search", Processing: shows,
	Query:    []ir.QueryParam{{Name: "email", Person: &email}},
	Response: &ir.Message{Records: &ir.Records{Each: "/found/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email"}}},
}

// TestHeadersOfAnAnswer: only what is on the list reaches the application, whatever it is.
func TestHeadersOfAnAnswer(t *testing.T) {
	gone := map[string]string{
		"Location": "/v1/people/anna@example.org", "Content-Location": "/v1/people/anna@example.org", "Set-Cookie": "who=anna@example.org",
		"X-Customer": "anna@example.org", "Link": `</v1/customers?page=9>; rel="last"`, "X-Total-Count": "2", "X-Next-Cursor": "abc", "ETag": `"1"`,
		"Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT", "Content-MD5": "x", "Digest": "x", "Repr-Digest": "x", "Content-Digest": "x",
		"Accept-Ranges": "bytes", "Content-Range": "items 0-1/2", "Age": "5", "Expires": "Mon, 02 Mar 2027 10:00:00 GMT", "Vary": "X-Customer",
		"Server-Timing": "db;dur=53", "Refresh": "0; url=/x", "Content-Disposition": "attachment; filename=anna.json", "Warning": "199 anna", "Trailer": "X-Sum",
		"Access-Control-Expose-Headers": "X-Customer", "Surrogate-Control": "max-age=60", "Cdn-Cache-Control": "max-age=60", "Alt-Svc": `h2=":443"`,
	}
	for _, status := range []int{200, 201, 202, 302, 400, 409, 500} {
		r := shop(t, nil)
		r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			for k, v := range gone {
				w.Header().Set(k, v)
			}
			w.Header().Set("Cache-Control", "public, max-age=60")
			w.Header().Set("Content-Type", `application/json; charset=UTF-8; profile="anna@example.org"`)
			w.Header().Set("X-Request-Id", "r1")
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"customers":[]}`)
			w.Header().Set("X-Sum", "anna@example.org")
			w.Header().Set(http.TrailerPrefix+"X-More", "anna@example.org")
		}
		head, _, _ := strings.Cut(raw(t, r.listen(service), get("GET /v1/customers", "")), "\r\n\r\n")
		for k := range gone {
			if strings.Contains(strings.ToLower(head), "\n"+strings.ToLower(k)+":") {
				t.Errorf("%d: %s came back", status, k)
			}
		}
		for _, want := range []string{"Cache-Control: private, no-store\r\n", "Content-Type: application/json\r\n", "X-Request-Id: r1", "Retry-After: 5"} {
			if !strings.Contains(head+"\r\n", want) {
				t.Errorf("%d: no %q in %q", status, want, head)
			}
		}
	}
}

func squeezed(coding, text string) string {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if coding == "deflate" {
		w = zlib.NewWriter(&b)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// TestEncodedAnswers: what a service encodes unasked is decoded and decided about, or withheld.
func TestEncodedAnswers(t *testing.T) {
	const text = `{"customers":[{"email":"anna@example.org"},{"email":"bert@example.org"}]}`
	bomb := `{"customers":[` + strings.Repeat(" ", 12<<20) + `]}`
	for name, tt := range map[string]struct {
		encoding, body string
		passes         bool
	}{
		"gzip":                   {"Content-Encoding: gzip\r\n", squeezed("gzip", text), true},
		"deflate":                {"Content-Encoding: deflate\r\n", squeezed("deflate", text), true},
		"identity":               {"Content-Encoding: identity\r\n", text, true},
		"gzip that breaks off":   {"Content-Encoding: gzip\r\n", squeezed("gzip", text)[:30], false},
		"gzip with a tail":       {"Content-Encoding: gzip\r\n", squeezed("gzip", text) + text, false},
		"brotli":                 {"Content-Encoding: br\r\n", text, false},
		"zstd":                   {"Content-Encoding: zstd\r\n", text, false},
		"something unknown":      {"Content-Encoding: aes128gcm\r\n", text, false},
		"two codings":            {"Content-Encoding: gzip, gzip\r\n", squeezed("gzip", squeezed("gzip", text)), false},
		"two lines of codings":   {"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n", squeezed("gzip", text), false},
		"gzip that is not named": {"", squeezed("gzip", text), false},
		"a bomb":                 {"Content-Encoding: gzip\r\n", squeezed("gzip", bomb), false},
		"a bomb in deflate":      {"Content-Encoding: deflate\r\n", squeezed("deflate", bomb), false},
		"gzip in the transfer":   {"Transfer-Encoding: gzip\r\n", squeezed("gzip", text), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, ir.OnMissingDropRecord, "")
			w := onWire(t, r, "")
			w.answer = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s", tt.encoding, len(tt.body), tt.body)
			if strings.HasPrefix(tt.encoding, "Transfer") {
				w.answer = strings.Replace(w.answer, fmt.Sprintf("Content-Length: %d\r\n", len(tt.body)), "", 1)
			}
			answer := raw(t, r.listen(service), get("GET /v1/customers", ""))
			head, body, _ := strings.Cut(answer, "\r\n\r\n")
			if passed := body == `{"customers":[{"email":"anna@example.org"}]}`; passed != tt.passes || strings.Contains(head, "Content-Encoding") {
				t.Errorf("answer %.500q", answer)
			}
			if !tt.passes && !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
				t.Errorf("answer %.500q", answer)
			}
			if got := r.proxy.held.used.Load(); got != 0 {
				t.Errorf("%d bytes are still held", got)
			}
		})
	}
}

// TestAnswersOfOtherKinds: a part, another charset, another type, or a comparison is none that was asked for.
func TestAnswersOfOtherKinds(t *testing.T) {
	const text = `{"customers":[{"email":"anna@example.org"}]}`
	for name, tt := range map[string]struct{ status, headers string }{
		"a part":                           {"206 Partial Content", "Content-Type: application/json\r\nContent-Range: bytes 0-43/90\r\n"},
		"parts":                            {"206 Partial Content", "Content-Type: multipart/byteranges; boundary=x\r\n"},
		"parts under another status":       {"200 OK", "Content-Type: multipart/byteranges; boundary=x\r\n"},
		"not modified":                     {"304 Not Modified", "ETag: \"1\"\r\n"},
		"a charset":                        {"200 OK", "Content-Type: application/json; charset=utf-16\r\n"},
		"a charset twice":                  {"200 OK", "Content-Type: application/json; charset=utf-8; charset=utf-7\r\n"},
		"two types":                        {"200 OK", "Content-Type: application/json\r\nContent-Type: text/html\r\n"},
		"no type":                          {"200 OK", ""},
		"a type that is unknown":           {"200 OK", "Content-Type: application/x-protobuf\r\n"},
		"plain text":                       {"200 OK", "Content-Type: text/plain\r\n"},
		"a sequence of JSON with RS":       {"200 OK", "Content-Type: application/json-seq\r\n"},
		"events where a list is declared":  {"200 OK", "Content-Type: text/event-stream\r\n"},
		"lines where a list is in a field": {"200 OK", "Content-Type: application/x-ndjson\r\n"},
		"another protocol":                 {"101 Switching Protocols", "Connection: Upgrade\r\nUpgrade: x\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			onWire(t, r, fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", tt.status, tt.headers, len(text), text))
			answer := raw(t, r.listen(service), get("GET /v1/customers", ""))
			if !strings.HasPrefix(answer, "HTTP/1.1 502 ") || strings.Contains(answer, "anna") {
				t.Errorf("answer %q", answer)
			}
		})
	}
}

// TestInformationalAnswersStayHere: early hints name resources, and nobody decided about them.
func TestInformationalAnswersStayHere(t *testing.T) {
	r := shop(t, nil)
	onWire(t, r, "HTTP/1.1 103 Early Hints\r\nLink: </v1/people/anna@example.org>\r\n\r\nHTTP/1.1 102 Processing\r\nX-A: anna\r\n\r\n"+emptyList)
	answer := raw(t, r.listen(service), get("GET /v1/customers", ""))
	if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || strings.Contains(answer, "anna") {
		t.Errorf("answer %q", answer)
	}
}

// TestTwoAnswersForOneRequest: what a service sends beyond its answer is never that to another request.
func TestTwoAnswersForOneRequest(t *testing.T) {
	r := shop(t, nil)
	onWire(t, r, emptyList+"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n{\"customers\":[{\"email\":\"anna@example.org\"}]}")
	addr := r.listen(service)
	for range 3 {
		if answer := raw(t, addr, get("GET /v1/customers", "")); strings.Contains(answer, "anna") || !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
			t.Errorf("answer %q", answer)
		}
	}
}

// TestErrorAnswers keep their status, and of their body what is declared: nothing, here.
func TestErrorAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		kind, body, want string
	}{
		"JSON":                 {"application/json", `{"error":"anna@example.org exists","customers":[{"email":"bert@example.org"}]}`, `{"customers":[]}`},
		"problem JSON":         {"application/problem+json", `{"detail":"anna@example.org exists"}`, `{}`},
		"a page":               {"text/html", `<p>anna@example.org`, `{}`},
		"something too strict": {"application/json", `{"a":1,"a":"anna@example.org"}`, `{}`},
	} {
		for _, status := range []int{400, 404, 409, 422, 500, 503} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				r := withEndpoints(t, ir.OnMissingDropRecord, "")
				r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
					w.Header().Set("Content-Type", tt.kind)
					w.WriteHeader(status)
					_, _ = io.WriteString(w, tt.body)
				}
				answer := raw(t, r.listen(service), get("GET /v1/customers", ""))
				_, body, _ := strings.Cut(answer, "\r\n\r\n")
				if body != tt.want || !strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", status)) {
					t.Errorf("answer %q", answer)
				}
			})
		}
	}
}

var changing = regexp.MustCompile(`"decisionId":"[0-9a-z]{26}"|Optup-Decision: [0-9a-z]{26}|Date: [^\r]*`)

// TestAbsentAndRefusedLookTheSame, byte for byte, but for the number of the decision and the date.
func TestAbsentAndRefusedLookTheSame(t *testing.T) {
	named := ir.Endpoint{
		Name: "named", Methods: []string{"GET", "HEAD"}, Path: "/v1/people/{who}", Processing: shows,
		Segments: []ir.PathSegment{{Name: "who", Person: email}}, Response: &ir.Message{NotPersonal: []string{"/ok"}},
	}
	for name, tt := range map[string]struct {
		refused, absent string // request lines
		answers         map[string]func(http.ResponseWriter)
	}{
		"a record that is the answer": {"/v1/profiles/1", "/v1/profiles/2", map[string]func(http.ResponseWriter){
			"404": func(w http.ResponseWriter) { http.Error(w, `{"error":"no such person"}`, 404) },
			"410": func(w http.ResponseWriter) { w.WriteHeader(410) },
			"204": func(w http.ResponseWriter) { w.WriteHeader(204) },
			"200": func(w http.ResponseWriter) {},
			"null": func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, "null")
			},
			"an empty object": func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, "{}")
			},
		}},
		"a person in the path": {"/v1/people/bert@example.org", "/v1/people/anna.absent@example.org", map[string]func(http.ResponseWriter){
			"404": func(w http.ResponseWriter) { http.Error(w, "no such person", 404) },
			"204": func(w http.ResponseWriter) { w.WriteHeader(204) },
		}},
		"a person who is looked up": {"/v1/search?email=bert@example.org", "/v1/search?email=anna.absent@example.org", map[string]func(http.ResponseWriter){
			"404": func(w http.ResponseWriter) { http.Error(w, "no such person", 404) },
			"an empty list": func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"found":[]}`)
			},
		}},
	} {
		for kind, absent := range tt.answers {
			for _, method := range []string{"GET", "HEAD"} {
				if method == "HEAD" && kind == "an empty list" {
					continue // shows nothing of the list
				}
				t.Run(name+"/"+kind+"/"+method, func(t *testing.T) {
					r := withEndpoints(t, ir.OnMissingDropRecord, "", profile, search, named)
					r.answer = func(w http.ResponseWriter, req *http.Request, _ []byte) {
						if req.RequestURI == tt.absent {
							absent(w)
							return
						}
						w.Header().Set("Content-Type", "application/json")
						w.Header().Set("X-Request-Id", "1")
						_, _ = io.WriteString(w, `{"email":"bert@example.org"}`)
					}
					addr := r.listen(service)
					a := changing.ReplaceAllString(raw(t, addr, get(method+" "+tt.refused, "")), "")
					b := changing.ReplaceAllString(raw(t, addr, get(method+" "+tt.absent, "")), "")
					if a != b || !strings.HasPrefix(a, "HTTP/1.1 403 ") {
						t.Errorf("refused %q\nabsent  %q", a, b)
					}
				})
			}
		}
	}
}

// TestWhileTheLedgerIsBehindEverybodyLooksTheSame: who is there, who is not, and who is restricted whatever else is known.
func TestWhileTheLedgerIsBehindEverybodyLooksTheSame(t *testing.T) {
	named := ir.Endpoint{
		Name: "named", Methods: []string{"GET"}, Path: "/v1/people/{who}", Processing: shows,
		Segments: []ir.PathSegment{{Name: "who", Person: email}}, Response: &ir.Message{NotPersonal: []string{"/ok"}},
	}
	quiet := named
	quiet.Name, quiet.Path, quiet.Methods = "quiet", "/v1/quiet/{who}", []string{"POST"}
	for _, path := range []string{"GET /v1/profiles/", "GET /v1/people/", "GET /v1/search?email=", "POST /v1/quiet/"} {
		for _, onEmpty := range []ir.OnEmpty{ir.OnEmptyDeny, ir.OnEmptyAnswerAccepted} {
			r := withEndpoints(t, ir.OnMissingDropRecord, "", profile, search, named, quiet)
			for i := range r.bundle().Rules {
				r.bundle().Rules[i].OnEmpty = onEmpty
			}
			s := &State{Index: decide.NewIndex(r.bundle()), Facts: map[string]Facts{}, resolver: r.current.Load().resolver}
			for c := range r.current.Load().Facts {
				s.Facts[c] = told{
					fact: func(i consent.Identifier, _ consent.PurposeID) consent.Fact {
						return consent.Fact{Restricted: strings.HasPrefix(i.Value, "restricted")}
					},
					now: func() decide.Now { return decide.Now{Ledger: scenario.Now, Age: time.Hour} },
				}
			}
			r.current.Store(s)
			r.answer = func(w http.ResponseWriter, req *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				who := req.RequestURI[strings.LastIndexAny(req.RequestURI, "/=")+1:]
				switch {
				case strings.HasPrefix(who, "absent"):
					w.WriteHeader(http.StatusNotFound)
				case strings.HasPrefix(who, "damaged"):
					_, _ = io.WriteString(w, "{")
				case strings.Contains(req.RequestURI, "search"):
					_, _ = io.WriteString(w, `{"found":[{"email":"`+who+`"}]}`)
				default:
					_, _ = io.WriteString(w, `{"email":"`+who+`"}`)
				}
			}
			addr := r.listen(service)
			want := changing.ReplaceAllString(raw(t, addr, get(path+"anna@example.org", "")), "")
			if !strings.HasPrefix(want, "HTTP/1.1 503 ") || !strings.Contains(want, "LEDGER_BEHIND") {
				t.Errorf("%s: %s", path, want)
			}
			for _, who := range []string{"absent@example.org", "restricted@example.org", "damaged@example.org"} {
				if path == "GET /v1/search?email=" && who == "damaged@example.org" {
					continue // a list that cannot be read is withheld as such; the person in the query was judged before
				}
				if got := changing.ReplaceAllString(raw(t, addr, get(path+who, "")), ""); got != want {
					t.Errorf("%s%s: %s\nwant %s", path, who, got, want)
				}
			}
		}
	}
}

// TestHEAD tells neither how long the unfiltered answer is nor what is in it.
func TestHEAD(t *testing.T) {
	list := ir.Endpoint{Name: "list", Methods: []string{"HEAD"}, Path: "/v1/list", Processing: shows, Response: search.Response}
	r := withEndpoints(t, ir.OnMissingDropRecord, "", list)
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "12345")
		w.Header().Set("Etag", `"1"`)
	}
	answer := raw(t, r.listen(service), get("HEAD /v1/list", ""))
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || strings.Contains(answer, "12345") || strings.Contains(answer, "Etag") {
		t.Errorf("answer %q", answer)
	}
}

// TestACachedListIsNotServedToAnother: nothing of an answer about people may be kept, and denials neither.
func TestACachedListIsNotServedToAnother(t *testing.T) {
	r := shop(t, nil)
	addr := r.listen(service)
	for _, request := range []string{get("GET /v1/customers", ""), get("GET /v1/customers?undeclared=1", ""), get("GET /v1/export", "")} {
		if answer := raw(t, addr, request); !strings.Contains(answer, "no-store") {
			t.Errorf("answer %q", answer)
		}
	}
}
