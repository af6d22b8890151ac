package proxy

import (
	"bufio"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// torn is the shop with two rules of different purposes that match every request for customers: the first shows customers who agreed, for
// the second nobody has.
func torn(t *testing.T, change func(*ir.Bundle)) *road {
	t.Helper()
	return shop(t, func(b *ir.Bundle) {
		for i := range b.Purposes {
			if b.Purposes[i].Name == "profile-view" {
				other := b.Purposes[i]
				other.Name = "journey-view"
				b.Purposes = append(b.Purposes, other)
				break
			}
		}
		for i := range b.Rules {
			if b.Rules[i].Purpose == "profile-view" {
				other := b.Rules[i]
				other.Purpose = "journey-view"
				other.When = []ir.Condition{{Source: ir.SourceHeader, Name: "X-Kind", In: []string{"journey"}}}
				b.Rules = append(b.Rules, other)
				break
			}
		}
		if change != nil {
			change(b)
		}
	})
}

// TestARequestNamesItsPurpose: the header chooses among the rules that match anyway, and never beyond them.
func TestARequestNamesItsPurpose(t *testing.T) {
	both := "X-Kind: journey\r\n"
	for name, tt := range map[string]struct {
		headers string
		want    decide.Reason
	}{
		"one rule matches":                        {"", ""},
		"one rule matches, and is named":          {"OptUp-Purpose: profile-view\r\n", ""},
		"both match":                              {both, decide.PurposeAmbiguous},
		"both match, and one is named":            {both + "OptUp-Purpose: profile-view\r\n", ""},
		"in small letters":                        {both + "optup-purpose: profile-view\r\n", ""},
		"in capitals":                             {both + "OPTUP-PURPOSE: profile-view\r\n", ""},
		"a rule that does not match is named":     {"OptUp-Purpose: journey-view\r\n", decide.PurposeUndeclared},
		"a purpose of another endpoint is named":  {both + "OptUp-Purpose: newsletter\r\n", decide.PurposeUndeclared},
		"a purpose that nobody declared is named": {both + "OptUp-Purpose: anything\r\n", decide.PurposeUndeclared},
		"nothing is named":                        {both + "OptUp-Purpose:\r\n", decide.PurposeUndeclared},
		"in other letters":                        {both + "OptUp-Purpose: Profile-View\r\n", decide.PurposeUndeclared},
		"two in a list":                           {both + "OptUp-Purpose: profile-view, journey-view\r\n", decide.PurposeUndeclared},
		"twice":                                   {both + "OptUp-Purpose: profile-view\r\nOptUp-Purpose: journey-view\r\n", decide.NotCanonical},
		"twice the same":                          {both + "OptUp-Purpose: profile-view\r\noptup-purpose: profile-view\r\n", decide.NotCanonical},
		"with an underscore":                      {both + "OptUp_Purpose: profile-view\r\n", decide.NotCanonical},
		"and with an underscore":                  {both + "OptUp-Purpose: profile-view\r\nOptUp_Purpose: journey-view\r\n", decide.NotCanonical},
		"in bytes that are no text":               {both + "OptUp-Purpose: profile-view\xa0\r\n", decide.NotCanonical},
		"for this connection only":                {both + "OptUp-Purpose: profile-view\r\nConnection: OptUp-Purpose\r\n", decide.NotCanonical},
	} {
		t.Run(name, func(t *testing.T) {
			r := torn(t, nil)
			answer := raw(t, r.listen(service), get("GET /v1/customers", tt.headers))
			if got := r.requests(); (len(got) == 1) != (tt.want == "") {
				t.Fatalf("%d requests reached the service: %s", len(got), answer)
			}
			unnamed(t, r)
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			if tt.want != "" && reasonOf(t, []byte(body)) != tt.want {
				t.Errorf("answer %s", answer)
			}
		})
	}
}

// unnamed fails if the header left the sidecar, in whatever spelling.
func unnamed(t *testing.T, r *road) {
	t.Helper()
	for _, one := range r.requests() {
		for name := range one.header {
			if strings.EqualFold(folded(name), decide.PurposeHeader) {
				t.Errorf("the service sees %s", name)
			}
		}
		for name := range one.trailer {
			if strings.EqualFold(folded(name), decide.PurposeHeader) {
				t.Errorf("the service sees %s in the trailer", name)
			}
		}
	}
}

// TestTheHeaderStaysHere: whatever becomes of a request that the sidecar speaks HTTP for, the header does not go with it.
func TestTheHeaderStaysHere(t *testing.T) {
	spelled := "OptUp-Purpose: profile-view\r\nOPTUP_PURPOSE: x\r\nOptUp.Purpose: y\r\n"
	trailers := "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\nTrailer: OptUp_Purpose\r\n"
	body := "3\r\nabc\r\n0\r\nX-Sum: 1\r\nOptUp-Purpose: newsletter\r\nOptUp_Purpose: newsletter\r\n\r\n"
	noPersonalData := func(b *ir.Bundle) {
		for i := range b.Services {
			if b.Services[i].Name == "crm/customers" {
				b.Services[i].Endpoints = append(b.Services[i].Endpoints, ir.Endpoint{Name: "ping", Methods: []string{"GET", "PUT"}, Path: "/ping", NoPersonalData: true})
			}
		}
	}
	observed := func(b *ir.Bundle) {
		noPersonalData(b)
		b.Mode = ir.ModeObserve
		for i := range b.Rules {
			b.Rules[i].Mode = ir.ModeObserve
		}
	}
	for name, tt := range map[string]struct {
		change  func(*ir.Bundle)
		request string
	}{
		"without personal data":       {noPersonalData, get("GET /ping", "OptUp-Purpose: profile-view\r\n")},
		"in a trailer that came late": {noPersonalData, get("PUT /ping", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n") + body},
		"observed":                    {observed, get("GET /v1/customers", spelled)},
		"observed, with trailers":     {observed, get("PUT /ping", spelled+trailers) + body},
		"observed, with a body":       {observed, get("PUT /v1/customers", spelled+trailers) + body},
		"observed, to no endpoint":    {observed, get("GET /v1/nothing", spelled)},
	} {
		t.Run(name, func(t *testing.T) {
			r := torn(t, tt.change)
			raw(t, r.listen(service), tt.request)
			if len(r.requests()) != 1 {
				t.Fatalf("%d requests reached the service", len(r.requests()))
			}
			unnamed(t, r)
		})
	}
}

// TestTheHeaderStaysHereOnTheWayToHostsThatNobodyDeclared, where requests are parsed.
func TestTheHeaderStaysHereOnTheWayToHostsThatNobodyDeclared(t *testing.T) {
	r := torn(t, func(b *ir.Bundle) { b.Ungoverned.Action = ir.UngovernedObserve })
	addr := r.listen(netip.MustParseAddrPort("198.51.100.9:80"))
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr.String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "undeclared.example"
	req.Header["optup-purpose"] = []string{"newsletter"}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, bufio.NewReader(res.Body))
	_ = res.Body.Close()
	if len(r.requests()) != 1 {
		t.Fatalf("%d requests reached the service: %d", len(r.requests()), res.StatusCode)
	}
	unnamed(t, r)
}
