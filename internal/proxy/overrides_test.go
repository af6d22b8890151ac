package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestMethodsInBodies: frameworks look into forms, parts and JSON for a method that replaces that of the request. A request that names one
// never comes whole, in whatever pieces it is sent; what only looks like one passes.
func TestMethodsInBodies(t *testing.T) {
	const form, parts, document = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"
	part := func(header, body string) string { return "--b\r\n" + header + "\r\n\r\n" + body + "\r\n--b--\r\n" }
	named := func(name string) string { return part("Content-Disposition: form-data; "+name, "DELETE") }
	large := strings.Repeat("x", 300<<10)
	for name, tt := range map[string]struct {
		kind, body string
		passes     bool
	}{
		"a form":                             {form, "a=b&_method=DELETE", false},
		"a form with an escape":              {form, "%5Fmethod=DELETE", false},
		"a form without a type":              {"", "_method=DELETE", false},
		"a form that names none":             {form, "payment_method=card", true},
		"a form without a type, late":        {"", "a=" + large + "&%5fmethod=DELETE", false},
		"no type and no form":                {"", "100% _method", true},
		"a part":                             {parts, named(`name="_method"`), false},
		"a part without quotes":              {parts, named(`name=_method`), false},
		"a part in capitals":                 {parts, part(`CONTENT-DISPOSITION: FORM-DATA; NAME="_METHOD"`, "DELETE"), false},
		"a part whose header is folded":      {parts, part("Content-Disposition: form-data;\r\n name=\"_method\"", "DELETE"), false},
		"a part with bare line ends":         {parts, strings.ReplaceAll(named(`name="_method"`), "\r", ""), false},
		"a part with a charset":              {parts, named(`name*=iso-8859-1'en'%5fmethod`), false},
		"a part whose name is in pieces":     {parts, named(`name*0="_met"; name*1="hod"`), false},
		"a part whose name is encoded":       {parts, named(`name="=?utf-8?Q?=5Fmethod?="`), false},
		"a part with a backslash":            {parts, named(`name="_me\thod"`), false},
		"a part with an id":                  {parts, part("Content-ID: <_method>", "DELETE"), false},
		"a part behind a large one":          {parts, part("Content-Disposition: form-data; name=\"a\"", large) + named(`name="_method"`), false},
		"another multipart type":             {"multipart/mixed; boundary=b", named(`name="_method"`), false},
		"parts that are encoded":             {parts + "\r\nContent-Encoding: gzip", part("X: y", "z"), false},
		"a part with a header without end":   {parts, part("Content-Disposition: form-data; name=\""+large+"\"", "x"), false},
		"parts that name none":               {parts, named(`name="payment_method"; filename="my_method.txt"`), true},
		"a page with such a field in a part": {parts, part(`Content-Disposition: form-data; name="file"; filename*=UTF-8''a.html`, `<input name="_method">`), true},
		"a large part":                       {parts, part("Content-Disposition: form-data; name=\"a\"", large), true},
		"no type, and more than is held":     {"", strings.Repeat("x", maxBody+1000), true},
		"JSON":                               {document, `{"a":"\"","_method":"DELETE"}`, false},
		"JSON with an escape":                {document, `{"\u005Fmeth\u006fd":"DELETE"}`, false},
		"JSON of another name":               {"application/vnd.api+json", `{"_method":"DELETE"}`, false},
		"JSON behind much else":              {document, `{"a":"` + large + `","_method":"DELETE"}`, false},
		"JSON in another charset":            {document + "; charset=utf-16", `{}`, false},
		"JSON that names none":               {document, `{"payment_method":"_methods","a":["\\",{"_metho":"d"}]}`, true},
	} {
		for _, step := range []int{1 << 20, 3} {
			if step < 100 && len(tt.body) > 10000 {
				continue
			}
			t.Run(fmt.Sprint(name, " by ", step), func(t *testing.T) {
				t.Parallel()
				r := shop(t, noted)
				w := onWire(t, r, emptyList)
				c, err := net.Dial("tcp", r.listen(service).String())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(30 * time.Second))
				kind := "X-Type: " + tt.kind
				if tt.kind != "" {
					kind = "Content-Type: " + tt.kind
				}
				_, _ = fmt.Fprintf(c, "POST /v1/marks/a HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\n%s\r\nContent-Length: %d\r\n\r\n", kind, len(tt.body))
				go func() {
					for rest := tt.body; rest != ""; rest = rest[min(step, len(rest)):] {
						_, _ = io.WriteString(c, rest[:min(step, len(rest))])
						if step < 100 {
							time.Sleep(100 * time.Microsecond)
						}
					}
				}()
				answer, _ := io.ReadAll(c)
				if passed := strings.HasPrefix(string(answer), "HTTP/1.1 200 "); passed != tt.passes {
					t.Errorf("answer %.200q", answer)
				}
				if !tt.passes && strings.HasSuffix(w.got(), tt.body) {
					t.Error("it came whole")
				}
			})
		}
	}
}

// TestAMethodInABodyThatIsDecidedAbout: nothing in it is personal, and yet it is another request.
func TestAMethodInABodyThatIsDecidedAbout(t *testing.T) {
	r := withEndpoints(t, ir.OnMissingDropRecord, "", ir.Endpoint{
		Name: "marks", Methods: []string{http.MethodPost}, Path: "/v1/people/{who}/marks", Processing: shows,
		Segments: []ir.PathSegment{{Name: "who", Person: email}}, Request: &ir.Message{NotPersonal: []string{""}},
	})
	addr := r.listen(service)
	send := func(body string) string {
		return raw(t, addr, fmt.Sprintf("POST /v1/people/anna@example.org/marks HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", len(body), body))
	}
	answer := send(`{"_method":"DELETE"}`)
	_, body, _ := strings.Cut(answer, "\r\n\r\n")
	if len(r.requests()) != 0 || reasonOf(t, []byte(body)) != decide.NotCanonical {
		t.Errorf("%d requests, %s", len(r.requests()), answer)
	}
	if answer := send(`{"payment_method":"card"}`); len(r.requests()) != 1 {
		t.Error(answer)
	}
}
