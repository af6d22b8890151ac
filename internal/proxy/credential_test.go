package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

const seededKey = "SG.correct-horse/battery+staple"

var mailKey = ir.Value{Service: "esp/mail", ID: "mail/key"}

// credentialed gives the mail service a credential.
func credentialed(c ir.Credential) func(*ir.Bundle) {
	return func(b *ir.Bundle) {
		for i := range b.Services {
			if b.Services[i].Name == mailKey.Service {
				c.ID = mailKey.ID
				if c.Own == "" {
					c.Own = ir.OwnRefuse
				}
				b.Services[i].Credential = &c
			}
		}
	}
}

var bearer = ir.Credential{Type: ir.CredentialHeader, Header: "Authorization", Prefix: "Bearer "}

func replacing(c ir.Credential) ir.Credential {
	c.Own = ir.OwnReplace
	return c
}

// lend gives the sidecar the value.
func (r *road) lend(value string) *road {
	r.proxy.Credentials = &credential.Store{}
	r.proxy.Credentials.Put(map[ir.Value]credential.Secret{mailKey: credential.New(value)})
	return r
}

// template is a request to an endpoint without personal data, of the same service as post.
func template(headers string) string {
	return "GET /v3/templates/7 HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\n" + headers + "\r\n"
}

func TestWhatIsInserted(t *testing.T) {
	basic := "Basic YXBpOlNHLmNvcnJlY3QtaG9yc2UvYmF0dGVyeStzdGFwbGU="
	for name, c := range map[string]struct {
		credential ir.Credential
		value      string
		header     string
		want, uri  string
	}{
		"a bearer token":       {bearer, seededKey, "Authorization", "Bearer " + seededKey, ""},
		"an end of line of it": {bearer, seededKey + "\n", "Authorization", "Bearer " + seededKey, ""},
		"a header":             {ir.Credential{Type: ir.CredentialHeader, Header: "Api-Key"}, seededKey, "Api-Key", seededKey, ""},
		"a user":               {ir.Credential{Type: ir.CredentialBasic, Username: "api"}, seededKey, "Authorization", basic, ""},
		"a user of the Secret": {ir.Credential{Type: ir.CredentialBasic}, "api:" + seededKey, "Authorization", basic, ""},
		"a parameter":          {ir.Credential{Type: ir.CredentialQuery, Query: "api_key"}, seededKey, "", "", "api_key=SG.correct-horse%2Fbattery%2Bstaple"},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, credentialed(c.credential)).lend(c.value)
			addr := r.listen(service)
			for _, request := range []string{post("", newsletter), template(""), template("X-Trace: 1\r\n"), strings.Replace(template(""), "/7 ", "/7?v=1 ", 1)} {
				r.got = nil
				answer := raw(t, addr, request)
				got := r.requests()
				if len(got) != 1 || (c.header != "" && !slices.Equal(got[0].header[c.header], []string{c.want})) {
					t.Fatalf("%+v reached the service: %s", got, answer)
				}
				if _, query, _ := strings.Cut(got[0].uri, "?"); strings.TrimPrefix(query, "v=1&") != c.uri && query != "v=1" {
					t.Errorf("the query is %q", query)
				}
			}
			// A service without a credential gets none.
			r.got = nil
			raw(t, addr, get("GET /v1/customers", ""))
			if got := r.requests(); len(got) != 1 || len(got[0].header["Authorization"])+len(got[0].header["Api-Key"]) != 0 || got[0].uri != "/v1/customers" {
				t.Errorf("%+v reached another service", got)
			}
		})
	}
}

// TestWhatAnApplicationBrings is refused, or taken out, in every spelling and place that some service takes a credential in.
func TestWhatAnApplicationBrings(t *testing.T) {
	key := ir.Credential{Type: ir.CredentialHeader, Header: "X-Esp-Key"}
	query := ir.Credential{Type: ir.CredentialQuery, Query: "esp_key"}
	for name, c := range map[string]struct {
		credential ir.Credential
		request    string
		// place is in the sentence that refuses; empty where nothing was brought.
		place string
	}{
		"nothing":                           {bearer, post("", newsletter), ""},
		"a word that is no credential":      {bearer, post("X-Authority: own\r\n", newsletter), ""},
		"the same header":                   {bearer, post("Authorization: Bearer own\r\n", newsletter), "the header Authorization"},
		"another case":                      {bearer, post("aUTHORIZATION: Bearer own\r\n", newsletter), "the header Authorization"},
		"twice":                             {bearer, post("Authorization: Bearer own\r\nAuthorization: Basic own\r\n", newsletter), "the header Authorization"},
		"an empty one":                      {bearer, post("Authorization:\r\n", newsletter), "the header Authorization"},
		"an underscore":                     {key, post("X_Esp_Key: own\r\n", newsletter), "the header X-Esp-Key"},
		"without dashes":                    {key, post("XEspKey: own\r\n", newsletter), "the header Xespkey"},
		"Authorization besides":             {key, post("Authorization: Bearer own\r\n", newsletter), "the header Authorization"},
		"a known header":                    {bearer, post("X-API-Key: own\r\n", newsletter), "the header X-Api-Key"},
		"a cookie":                          {bearer, post("Cookie: session=own\r\n", newsletter), "the header Cookie"},
		"the same parameter":                {query, strings.Replace(post("", newsletter), "/send ", "/send?esp_key=own ", 1), `the query parameter "esp_key"`},
		"the parameter in another spelling": {query, strings.Replace(post("", newsletter), "/send ", "/send?ESP%5fkey=own ", 1), `the query parameter "ESP_key"`},
		"the parameter as a list":           {query, strings.Replace(post("", newsletter), "/send ", "/send?esp_key%5B%5D=own ", 1), `the query parameter "esp_key[]"`},
		"a token in the query":              {bearer, strings.Replace(post("", newsletter), "/send ", "/send?access_token=own ", 1), `the query parameter "access_token"`},
		"where nobody is":                   {bearer, template("Authorization: Bearer own\r\n"), "the header Authorization"},
		"a parameter where nobody is":       {query, strings.Replace(template(""), "/7 ", "/7?v=1&esp_key=own&w=2 ", 1), `the query parameter "esp_key"`},
		"a trailer": {bearer, "POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n" +
			fmt.Sprintf("%x\r\n", len(newsletter)) + newsletter + "\r\n0\r\nAuthorization: Bearer own\r\n\r\n", "the trailer Authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, credentialed(c.credential)).lend(seededKey)
			answer := raw(t, r.listen(service), c.request)
			got := r.requests()
			if c.place == "" {
				if len(got) != 1 || !strings.Contains(answer, " 200 ") {
					t.Errorf("%+v reached the service: %s", got, answer)
				}
			} else if _, body, _ := strings.Cut(answer, "\r\n\r\n"); len(got) != 0 || reasonOf(t, []byte(body)) != decide.CredentialNotAllowed ||
				!strings.Contains(body, strings.ReplaceAll(c.place, `"`, `\"`)) || strings.Contains(answer, "own\r") || !strings.Contains(answer, " 403 ") {
				t.Errorf("%+v reached the service: %s", got, answer)
			}

			r = shop(t, credentialed(replacing(c.credential))).lend(seededKey)
			answer = raw(t, r.listen(service), c.request)
			got = r.requests()
			if len(got) != 1 || !strings.Contains(answer, " 200 ") {
				t.Fatalf("replacing: %+v reached the service: %s", got, answer)
			}
			sent, _ := json.Marshal(got[0].header)
			text := strings.ReplaceAll(string(sent), "X-Authority", "") + got[0].uri
			if strings.Contains(strings.ReplaceAll(text, `"":["own"]`, ""), "own") || strings.Count(text, "SG.correct") != 1 {
				t.Errorf("replacing: %s was sent", text)
			}
			if strings.Contains(c.request, "w=2") && !strings.Contains(got[0].uri, "?v=1&w=2&esp_key=SG.") {
				t.Errorf("replacing: %s", got[0].uri)
			}
		})
	}
}

// TestWithoutACredentialNothingIsSent: to a service that has one.
func TestWithoutACredentialNothingIsSent(t *testing.T) {
	noRule := func(b *ir.Bundle) {
		credentialed(bearer)(b)
		b.Rules = slices.DeleteFunc(b.Rules, func(r ir.Rule) bool { return r.Service == mailKey.Service })
	}
	for name, c := range map[string]struct {
		change  func(*ir.Bundle)
		value   string
		request string
		want    decide.Reason
	}{
		"none":                             {credentialed(bearer), "", post("", newsletter), decide.CredentialMissing},
		"none where nobody is":             {credentialed(bearer), "", template(""), decide.CredentialMissing},
		"one that would end the line":      {credentialed(bearer), "a\r\nX-Evil: b", post("", newsletter), decide.CredentialMissing},
		"a user without password":          {credentialed(ir.Credential{Type: ir.CredentialBasic}), "api", post("", newsletter), decide.CredentialMissing},
		"a type that nobody knows":         {credentialed(ir.Credential{Type: "Cookie"}), seededKey, post("", newsletter), decide.CredentialMissing},
		"somebody without a rule":          {noRule, seededKey, template(""), decide.NoPolicy},
		"an endpoint that nobody declared": {credentialed(bearer), seededKey, strings.Replace(template(""), "/v3/templates/7", "/v3/api_keys", 1), decide.EndpointUnknown},
		"a request without a purpose":      {credentialed(bearer), seededKey, post("", strings.Replace(newsletter, "d-newsletter", "d-other", 1)), decide.PurposeUndeclared},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, c.change).lend(c.value)
			_, body, _ := strings.Cut(raw(t, r.listen(service), c.request), "\r\n\r\n")
			if got := r.requests(); len(got) != 0 || reasonOf(t, []byte(body)) != c.want {
				t.Errorf("%+v reached the service: %s", got, body)
			}
		})
	}
	t.Run("a sidecar that was never given any", func(t *testing.T) {
		r := shop(t, credentialed(bearer))
		_, body, _ := strings.Cut(raw(t, r.listen(service), template("")), "\r\n\r\n")
		if reasonOf(t, []byte(body)) != decide.CredentialMissing || !strings.Contains(body, "CredentialReady") {
			t.Errorf("%s", body)
		}
	})
	t.Run("one that is taken away, and another", func(t *testing.T) {
		r := shop(t, credentialed(bearer)).lend(seededKey)
		addr := r.listen(service)
		for _, value := range []string{seededKey, "", "SG.another", ""} {
			r.got = nil
			r.proxy.Credentials.Put(map[ir.Value]credential.Secret{mailKey: credential.New(value)})
			raw(t, addr, template(""))
			got := r.requests()
			if (len(got) == 1) != (value != "") || (len(got) == 1 && got[0].header.Get("Authorization") != "Bearer "+value) {
				t.Errorf("%q: %+v", value, got)
			}
		}
	})
}

// TestWhatIsOnlyObservedGetsNoCredential: nobody filters it, so it goes out with what the application brought.
func TestWhatIsOnlyObservedGetsNoCredential(t *testing.T) {
	for name, mode := range map[string]func(*ir.Bundle){
		"a rule": func(b *ir.Bundle) {
			for i := range b.Rules {
				b.Rules[i].Mode = ir.ModeObserve
			}
		},
		"a workload": func(b *ir.Bundle) {
			b.Mode = ir.ModeObserve
			for i := range b.Rules {
				b.Rules[i].Mode = ir.ModeObserve
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := recording(t, func(b *ir.Bundle) { credentialed(bearer)(b); mode(b) })
			r.lend(seededKey)
			addr := r.listen(service)
			answer := raw(t, addr, post("Authorization: Bearer own\r\n", newsletter))
			if d := r.one(idIn(t, idInHeader, answer)); d.Mode != "Observe" || d.Reason != string(decide.CredentialNotAllowed) {
				t.Errorf("recorded %+v", d)
			}
			raw(t, addr, post("", newsletter))
			got := r.requests()
			if len(got) != 2 || got[0].header.Get("Authorization") != "Bearer own" || got[1].header.Get("Authorization") != "" {
				t.Errorf("%+v reached the service", got)
			}
		})
	}
	// What is denied in observation, and passes, has none either: an endpoint that nobody declared, and one without personal data.
	r := shop(t, func(b *ir.Bundle) { credentialed(bearer)(b); b.Mode = ir.ModeObserve }).lend(seededKey)
	addr := r.listen(service)
	raw(t, addr, strings.Replace(template(""), "/v3/templates/7", "/v3/api_keys", 1))
	raw(t, addr, template(""))
	if got := r.requests(); len(got) != 2 || len(got[0].header["Authorization"])+len(got[1].header["Authorization"]) != 0 {
		t.Errorf("%+v reached the service", got)
	}
}

// TestACredentialGoesToItsServiceOnly: whatever name the application gives, and wherever the service points.
func TestACredentialGoesToItsServiceOnly(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) {
		credentialed(bearer)(b)
		b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedObserve}
	}).lend(seededKey)
	dialled := map[string]int{}
	dial := r.proxy.Dial
	r.proxy.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		r.mu.Lock()
		dialled[addr]++
		r.mu.Unlock()
		return dial(ctx, network, addr)
	}
	r.answer = func(w http.ResponseWriter, q *http.Request, _ []byte) {
		http.Redirect(w, q, "http://evil.example"+q.URL.Path, http.StatusTemporaryRedirect)
	}
	addr := r.listen(service)
	for _, request := range []string{
		template(""), post("", newsletter),
		strings.Replace(template(""), "Host: api.esp", "Host: evil.example", 1),
		strings.Replace(template(""), "Host: api.esp", "Host: api.esp@evil.example", 1),
		strings.Replace(template(""), "Host: api.esp", "Host: api.esp:8080", 1),
		strings.Replace(template(""), "GET /", "GET http://user:own@evil.example/", 1),
		strings.Replace(template(""), "GET /", "GET http://user:own@api.esp/", 1),
		strings.Replace(template(""), "Host: api.esp", "Host: customers.crm", 1),
	} {
		raw(t, addr, request)
	}
	for _, got := range r.requests() {
		if (got.header.Get("Authorization") != "") != (got.host == "api.esp") {
			t.Errorf("%s got %v", got.host, got.header)
		}
	}
	for to := range dialled {
		if to != "api.esp:80" {
			t.Errorf("%s was dialled", to)
		}
	}
	if len(r.requests()) < 2 {
		t.Error("nothing reached the service")
	}

	// The last check before it is inserted, by itself.
	of := insertion{service: &r.bundle().Services[1]}
	for to, want := range map[string]bool{
		"http://api.esp:80 api.esp": true, "http://api.esp:80 api.esp.svc": true, "http://api.esp:80 evil.example": false, "http://evil.example:80 api.esp": false,
		"http://api.esp:8080 api.esp": false, "https://api.esp:80 api.esp": false, "http://api.esp.svc:80 api.esp": false,
	} {
		where, host, _ := strings.Cut(to, " ")
		out, err := http.NewRequest(http.MethodGet, where, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out.Host = host; of.goesTo(out) != want {
			t.Errorf("%s: %v", to, !want)
		}
	}
}

// TestEveryGroupGetsTheCredential of a request that is sent in several.
func TestEveryGroupGetsTheCredential(t *testing.T) {
	r := tracked(t, ir.OnMixedSplit, ir.OnMixedSplit, credentialed(replacing(bearer))).lend(seededKey)
	raw(t, r.listen(service), post("Authorization: Bearer own\r\n", letter(on, "both", "opens", "clicks", "none")))
	got := r.requests()
	for _, one := range got {
		if !slices.Equal(one.header["Authorization"], []string{"Bearer " + seededKey}) {
			t.Errorf("%v", one.header)
		}
	}
	if len(got) != 4 {
		t.Errorf("%d groups", len(got))
	}
}

// TestTrailersStayHere where a credential is inserted: whoever merges them into headers would read another one.
func TestTrailersStayHere(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) {
		credentialed(replacing(bearer))(b)
		for i := range b.Services {
			if b.Services[i].Name == mailKey.Service {
				b.Services[i].Endpoints = append(b.Services[i].Endpoints, ir.Endpoint{Name: "note", Methods: []string{"POST"}, Path: "/v3/notes", NoPersonalData: true})
			}
		}
	}).lend(seededKey)
	var trailer http.Header
	r.answer = func(_ http.ResponseWriter, q *http.Request, _ []byte) { trailer = q.Trailer }
	raw(t, r.listen(service), "POST /v3/notes HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
		"2\r\nab\r\n0\r\nX-Sum: 1\r\nAuthorization: Bearer own\r\n\r\n")
	if got := r.requests(); len(got) != 1 || string(got[0].body) != "ab" || got[0].header.Get("Authorization") != "Bearer "+seededKey || len(trailer) != 0 {
		t.Errorf("%+v, trailers %v", got, trailer)
	}
}
