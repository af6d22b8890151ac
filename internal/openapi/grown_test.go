package openapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/translate"
)

func imported(t *testing.T, document string, o Options) *Draft {
	t.Helper()
	d, err := Import([]byte(document), o)
	if err != nil {
		t.Fatal(err)
	}
	checkManifest(t, d)
	return d
}

func TestSegments(t *testing.T) {
	for name, tt := range map[string]struct {
		path, parameters string
		want             []v1alpha1.PathSegment
		noted            []string
	}{
		"a person's number":                      {"/a/{customer_id}", `{"name":"customer_id","in":"path"}`, []v1alpha1.PathSegment{{Name: "customer_id", Person: of("customer")}}, nil},
		"a name that has to be written anew":     {"/a/{customer-id}", `{"name":"customer-id","in":"path"}`, []v1alpha1.PathSegment{{Name: "customer_id", Person: of("customer")}}, nil},
		"by its format":                          {"/a/{x}", `{"name":"x","in":"path","schema":{"type":"string","format":"email"}}`, []v1alpha1.PathSegment{{Name: "x", Person: of("email")}}, nil},
		"what the document does not describe":    {"/a/{email}", "", []v1alpha1.PathSegment{{Name: "email", Person: of("email")}}, nil},
		"two people, in the order of the path":   {"/a/{email}/b/{phone}", "", []v1alpha1.PathSegment{{Name: "email", Person: of("email")}, {Name: "phone", Person: of("phone")}}, nil},
		"a hash of a known kind":                 {"/a/{email_md5}", "", []v1alpha1.PathSegment{{Name: "email_md5", Person: v1alpha1.Identifies{Type: "email", Form: "MD5"}}}, nil},
		"a hash of an unknown kind stays a note": {"/a/{hashed_email}", "", nil, []string{"hashed_email"}},
		"a name that stands there twice":         {"/a/{email}/{email}", "", nil, []string{"email"}},
		"the number of a thing":                  {"/a/{template_id}", "", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, least := range []Confidence{Low, Medium, High} {
				d := imported(t, fmt.Sprintf(`{"openapi":"3.0.0","paths":{%q:{"get":{"parameters":[%s],"responses":{"200":{}}}}}}`, tt.path, tt.parameters), Options{Least: least})
				var noted []string
				for _, g := range d.Guesses {
					if g.Part == PartEndpoint && g.What == WhatNote {
						noted = append(noted, g.Pointer)
					}
				}
				if diff := cmp.Diff(tt.want, d.Service.Spec.Endpoints[0].Segments) + cmp.Diff(tt.noted, noted); diff != "" {
					t.Errorf("%s: %s", least, diff)
				}
			}
		})
	}
}

func TestTrackingSwitches(t *testing.T) {
	const boolean = `{"type":"boolean"}`
	to := `"to":` + list(object(email))
	for name, tt := range map[string]struct {
		path, schema string
		want         []string
		noted        []string
	}{
		"an object for each kind":      {"/mail/send", object(to, `"open_tracking":`+object(`"enable":`+boolean, `"substitution_tag":`+str)), []string{"OpenTracking /open_tracking/enable"}, nil},
		"a value for each kind":        {"/mail/send", object(to, `"track_opens":`+boolean, `"trackClicks":`+boolean), []string{"ClickTracking /trackClicks", "OpenTracking /track_opens"}, nil},
		"an object for all":            {"/mail/send", object(to, `"tracking":`+object(`"clicks":`+boolean, `"opens":`+boolean)), []string{"ClickTracking /tracking/clicks", "OpenTracking /tracking/opens"}, nil},
		"not where nothing is sent":    {"/contacts", object(to, `"track_opens":`+boolean), nil, []string{"/track_opens"}},
		"not what turns it off":        {"/mail/send", object(to, `"disable_open_tracking":`+boolean, `"open_tracking":`+object(`"disabled_tracking":`+boolean)), nil, []string{"/disable_open_tracking", "/open_tracking/disabled_tracking"}},
		"not what is no truth value":   {"/mail/send", object(to, `"track_opens":`+str), nil, []string{"/track_opens"}},
		"not for single people":        {"/mail/send", object(`"to":` + list(object(email, `"track_opens":`+boolean))), nil, []string{"/to/*/track_opens"}},
		"not both at once":             {"/mail/send", object(to, `"track_opens_clicks":`+boolean), nil, []string{"/track_opens_clicks"}},
		"not without a kind":           {"/mail/send", object(to, `"tracking":`+object(`"enabled":`+boolean)), nil, []string{"/tracking/enabled"}},
		"not the second of one kind":   {"/mail/send", object(to, `"open_tracking":`+boolean, `"track_opens":`+boolean), []string{"OpenTracking /open_tracking"}, []string{"/track_opens"}},
		"not what bypasses protection": {"/mail/send", object(to, `"bypass_list":`+object(`"enable":`+boolean)), nil, []string{"/bypass_list/enable"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := imported(t, request(tt.path, tt.schema), Options{})
			r := d.Service.Spec.Endpoints[0].Request
			var got, noted []string
			for _, s := range r.Switches {
				got = append(got, string(s.Tracking)+" "+string(s.Pointer))
			}
			for _, g := range d.Guesses {
				if g.What == WhatSwitch && !g.Declared {
					noted = append(noted, g.Pointer)
				}
			}
			if diff := cmp.Diff(tt.want, got) + cmp.Diff(tt.noted, noted); diff != "" {
				t.Error(diff)
			}
			for _, p := range r.NotPersonal {
				if strings.Contains(string(p), "track") && !strings.Contains(string(p), "tag") {
					t.Errorf("%s passes", p)
				}
			}
			if strict := imported(t, request(tt.path, tt.schema), Options{Least: High}).Service.Spec.Endpoints[0].Request; strict != nil && len(strict.Switches) > 0 {
				t.Errorf("%v is less sure than was asked for", strict.Switches)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for name, tt := range map[string]struct {
		member string
		time   v1alpha1.Pointer
		format v1alpha1.TimeFormat
		// request tells that it is a time of an addressee too.
		request bool
	}{
		"a text":                              {`"created_at":{"type":"string","format":"date-time"}`, "/created_at", "", true},
		"a number by its description":         {`"created_at":{"type":"integer","description":"Unix timestamp"}`, "/created_at", v1alpha1.TimeUnixSeconds, true},
		"a number by its format":              {`"created":{"type":"integer","format":"unix-time"}`, "/created", v1alpha1.TimeUnixSeconds, true},
		"a number by its name":                {`"created_unix":{"type":"integer"}`, "/created_unix", v1alpha1.TimeUnixSeconds, true},
		"milliseconds by its description":     {`"created":{"type":"integer","description":"Milliseconds since the epoch"}`, "/created", v1alpha1.TimeUnixMilliseconds, true},
		"milliseconds by its name":            {`"created_ms":{"type":"integer"}`, "/created_ms", v1alpha1.TimeUnixMilliseconds, true},
		"a number that says nothing":          {`"created_at":{"type":"integer"}`, "", "", false},
		"microseconds":                        {`"created_at":{"type":"integer","description":"Unix time in microseconds"}`, "", "", false},
		"a text that speaks of Unix time":     {`"created_at":{"type":"string","description":"Unix timestamp"}`, "", "", false},
		"when it changed":                     {`"updated_at":{"type":"integer","description":"Unix timestamp"}`, "", "", false},
		"a mere time is one of records alone": {`"timestamp":{"type":"integer","description":"Unix timestamp"}`, "/timestamp", v1alpha1.TimeUnixSeconds, false},
	} {
		t.Run(name, func(t *testing.T) {
			schema := list(object(email, tt.member))
			records := imported(t, response("/customers", schema), Options{}).Service.Spec.Endpoints[0].Response.Records
			if records.Time != tt.time || records.TimeFormat != tt.format {
				t.Errorf("records: %q %q", records.Time, records.TimeFormat)
			}
			if !tt.request {
				tt.time, tt.format = "", ""
			}
			addressees := imported(t, request("/customers", schema), Options{}).Service.Spec.Endpoints[0].Request.Addressees[0]
			if addressees.Time != tt.time || addressees.TimeFormat != tt.format {
				t.Errorf("addressees: %q %q", addressees.Time, addressees.TimeFormat)
			}
			if strict := imported(t, response("/customers", schema), Options{Least: High}).Service.Spec.Endpoints[0].Response.Records; strict.TimeFormat != "" {
				t.Errorf("%q is less sure than was asked for", strict.TimeFormat)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	https := func(port int32) v1alpha1.ServicePort {
		return v1alpha1.ServicePort{Port: port, Protocol: v1alpha1.ProtocolHTTPS}
	}
	http := v1alpha1.ServicePort{Port: 80, Protocol: v1alpha1.ProtocolHTTP}
	for name, tt := range map[string]struct {
		servers     string
		want        []v1alpha1.ServicePort
		alternative string
	}{
		"HTTP":                  {`{"url":"http://a.b"}`, []v1alpha1.ServicePort{http}, ""},
		"HTTPS":                 {`{"url":"https://a.b"}`, []v1alpha1.ServicePort{https(443)}, "- {port: 80, protocol: HTTP, tls: {mode: Originate, port: 443}}"},
		"HTTPS on another port": {`{"url":"HTTPS://a.b:8443"}`, []v1alpha1.ServicePort{https(8443)}, "- {port: 80, protocol: HTTP, tls: {mode: Originate, port: 8443}}"},
		"both":                  {`{"url":"http://a.b"},{"url":"https://a.b"}`, []v1alpha1.ServicePort{http, https(443)}, "- {port: 80, protocol: HTTP, tls: {mode: Originate, port: 443}}"},
		"both on one port":      {`{"url":"https://a.b:80"},{"url":"http://a.b"}`, []v1alpha1.ServicePort{https(80)}, "- {port: 80, protocol: HTTP, tls: {mode: Originate, port: 80}}"},
		"no server":             {``, []v1alpha1.ServicePort{http}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := imported(t, `{"openapi":"3.0.0","servers":[`+tt.servers+`],"paths":{"/a":{"get":{"responses":{}}}}}`, Options{})
			if diff := cmp.Diff(tt.want, d.Service.Spec.Ports); diff != "" {
				t.Error(diff)
			}
			text := string(inYAML(t, d))
			if tt.alternative == "" {
				if strings.Contains(text, "Originate") {
					t.Error("TLS is spoken of where there is none")
				}
				return
			}
			// Taken instead of the ports, the alternative is a manifest.
			lines := slices.DeleteFunc(strings.Split(text, "\n"), func(s string) bool { return strings.HasPrefix(s, "  - {port:") })
			text = strings.Replace(strings.Join(lines, "\n"), "  # "+tt.alternative, "  "+tt.alternative, 1)
			objects := readManifest(t, []byte(text))
			ports := objects.Services[0].Spec.Ports
			if len(ports) != 1 || ports[0].TLS == nil || ports[0].TLS.Mode != v1alpha1.TLSOriginate || ports[0].TLS.Port != tt.want[len(tt.want)-1].Port {
				t.Errorf("%+v", ports)
			}
			for _, f := range compile.Compile(translate.Snapshot(objects)).Findings {
				t.Errorf("%s: %s: %s", f.Field, f.Code, f.Message)
			}
		})
	}
}

func TestReplaces(t *testing.T) {
	document := func(put, get string) string {
		return `{"openapi":"3.0.0","paths":{"/customers/{id}":{"` + put + `":{"operationId":"write","responses":{"204":{}}},"get":{"operationId":"read","responses":{"200":{"content":{"application/json":{"schema":` + get + `}}}}}}}}`
	}
	for name, tt := range map[string]struct {
		document string
		want     v1alpha1.EndpointName
	}{
		"one record":          {document("put", object(email)), "read"},
		"a list of records":   {document("put", list(object(email))), ""},
		"nobody's record":     {document("put", object(`"size":{"type":"integer"}`)), ""},
		"what changes a part": {document("patch", object(email)), ""},
		"what writes anew":    {document("post", object(email)), ""},
		"PUT on another path": {strings.Replace(document("put", object(email)), `},"get"`, `}},"/customers":{"get"`, 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, least := range []Confidence{Medium, High} {
				for _, e := range imported(t, tt.document, Options{Least: least}).Service.Spec.Endpoints {
					want := tt.want
					if e.Name == "read" {
						want = ""
					}
					if e.Replaces != want {
						t.Errorf("%s replaces %q", e.Name, e.Replaces)
					}
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	name := func(n int) string { return `"` + strings.Repeat("x", n-len("/*/_date")) + `_date":{"type":"integer"}` }
	r := imported(t, request("/customers", list(object(email, `"created_`+strings.Repeat("x", 120)+`":{"type":"integer","description":"Unix time"}`))), Options{}).Service.Spec.Endpoints[0].Request
	if r.Addressees[0].Time != "" {
		t.Errorf("a pointer is too long: %q", r.Addressees[0].Time)
	}
	for length, want := range map[int]int{128: 1, 129: 0} {
		r := imported(t, request("/stuff", list(object(name(length)))), Options{}).Service.Spec.Endpoints[0].Request
		got := 0
		if r != nil {
			got = len(r.NotPersonal)
		}
		if got != want {
			t.Errorf("a pointer of %d characters: %d are declared", length, got)
		}
	}
	var paths []string
	for i := range MaxEndpoints + 1 {
		paths = append(paths, fmt.Sprintf(`"/a/%d":{"get":{"responses":{}}}`, i))
	}
	for n, want := range map[int]bool{MaxEndpoints: false, MaxEndpoints + 1: true} {
		d := imported(t, `{"openapi":"3.0.0","paths":{`+strings.Join(paths[:n], ",")+`}}`, Options{})
		if got := strings.Contains(string(inYAML(t, d)), "more than one DataService holds"); got != want {
			t.Errorf("%d endpoints: said to be too many: %v", n, got)
		}
	}
}
