package insert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ir"
)

const (
	service      = "crm/customers"
	clientSecret = "p+s/ :correct-horse"
)

// endpoint is a token endpoint and a clock.
type endpoint struct {
	t      *testing.T
	source *Source
	ir     *ir.Credential

	mu     sync.Mutex
	now    time.Time
	asked  []url.Values
	basic  []string
	answer func(w http.ResponseWriter, n int)
	hold   chan struct{}
	told   []error
}

func newEndpoint(t *testing.T, change func(*ir.OAuth2)) *endpoint {
	t.Helper()
	e := &endpoint{t: t, now: time.Unix(1_800_000_000, 0)}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(e.serve))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	e.ir = &ir.Credential{ID: "crm/secret", Type: ir.CredentialOAuth2, Own: ir.OwnRefuse, OAuth2: &ir.OAuth2{TokenURL: srv.URL + "/token", ClientID: "shop/1"}}
	if change != nil {
		change(e.ir.OAuth2)
	}
	e.source = &Source{
		Values: &credential.Store{}, RoundTrip: func(authorities string, r *http.Request) (*http.Response, error) {
			if authorities != e.ir.OAuth2.Authorities {
				t.Errorf("verified with %q", authorities)
			}
			return srv.Client().Transport.RoundTrip(r)
		},
		Now: func() time.Time { e.mu.Lock(); defer e.mu.Unlock(); return e.now },
		Asked: func(s string, err error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.told = append(e.told, err); s != service {
				t.Errorf("asked for %s", s)
			}
		},
	}
	e.put("crm/secret", clientSecret+"\n")
	return e
}

func (e *endpoint) put(id, value string) {
	e.source.Values.Put(map[ir.Value]credential.Secret{{Service: service, ID: id}: credential.New(value)})
}

func (e *endpoint) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/token" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		e.t.Errorf("%s %s: %s", r.Method, r.URL, body)
	}
	user, password, _ := r.BasicAuth()
	e.mu.Lock()
	e.asked, e.basic = append(e.asked, form), append(e.basic, user+" "+password)
	n, answer, hold := len(e.asked), e.answer, e.hold
	e.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if answer != nil {
		answer(w, n)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"bearer","expires_in":3600}`, n)
}

func (e *endpoint) later(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(d)
}

func (e *endpoint) questions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

// sent is the Authorization that a request would go out with.
func (e *endpoint) sent() (string, error) {
	c, err := e.source.Ready(context.Background(), service, e.ir)
	if err != nil {
		return "", err
	}
	r := httptest.NewRequest(http.MethodGet, "http://crm.example/", nil)
	c.Into(r)
	return r.Header.Get("Authorization"), nil
}

func (e *endpoint) wants(what string) {
	e.t.Helper()
	if got, err := e.sent(); got != what || err != nil {
		e.t.Errorf("%q would be sent, not %q: %v", got, what, err)
	}
}

func (e *endpoint) eventually(what string, ok func() bool) {
	e.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatalf("never: %s", what)
		}
	}
}

func TestHowATokenIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ir.OAuth2)
		form   string
		basic  string
	}{
		"by header":          {nil, "grant_type=client_credentials", url.QueryEscape("shop/1") + " " + url.QueryEscape(clientSecret)},
		"by body":            {func(o *ir.OAuth2) { o.InBody = true }, "client_id=shop%2F1&client_secret=p%2Bs%2F+%3Acorrect-horse&grant_type=client_credentials", " "},
		"for something":      {func(o *ir.OAuth2) { o.Scopes, o.Audience = []string{"a", "b"}, "https://crm" }, "audience=https%3A%2F%2Fcrm&grant_type=client_credentials&scope=a+b", url.QueryEscape("shop/1") + " " + url.QueryEscape(clientSecret)},
		"with authorities":   {func(o *ir.OAuth2) { o.Authorities = "of its own" }, "grant_type=client_credentials", url.QueryEscape("shop/1") + " " + url.QueryEscape(clientSecret)},
		"with a secret name": {func(o *ir.OAuth2) { o.ClientID, o.ClientIDValue = "", "crm/id" }, "grant_type=client_credentials", "hidden " + url.QueryEscape(clientSecret)},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, c.change)
			e.put("crm/id", "hidden\n")
			e.wants("Bearer token-1")
			e.wants("Bearer token-1")
			if len(e.asked) != 1 || e.asked[0].Encode() != c.form || e.basic[0] != c.basic {
				t.Errorf("asked %v, %q", e.asked, e.basic)
			}
		})
	}
}

// TestATokenIsAskedForOnce, however many wait, and anew before it ends.
func TestATokenIsAskedForOnce(t *testing.T) {
	e := newEndpoint(t, nil)
	e.hold = make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { e.wants("Bearer token-1") })
	}
	e.eventually("the question comes", func() bool { return e.questions() == 1 })
	close(e.hold)
	wg.Wait()
	if n := e.questions(); n != 1 {
		t.Errorf("asked %d times", n)
	}

	// While the next one is asked for, the one that is still good is used, and nobody waits.
	e.later(46 * time.Minute)
	e.mu.Lock()
	e.hold = make(chan struct{})
	e.mu.Unlock()
	for range 50 {
		e.wants("Bearer token-1")
	}
	e.eventually("a new one is asked for", func() bool { return e.questions() == 2 })
	close(e.hold)
	e.eventually("the new one is used", func() bool { got, _ := e.sent(); return got == "Bearer token-2" })
	if n := e.questions(); n != 2 {
		t.Errorf("asked %d times", n)
	}

	// One that has ended is not used, though there is no other.
	e.answer = func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusServiceUnavailable) }
	e.later(time.Hour)
	if got, err := e.sent(); err == nil {
		t.Errorf("%q was sent", got)
	}
}

func TestAnotherSecretBeginsAnew(t *testing.T) {
	e := newEndpoint(t, nil)
	e.wants("Bearer token-1")
	e.put("crm/secret", "another secret")
	e.wants("Bearer token-2")
	e.ir.OAuth2 = &ir.OAuth2{TokenURL: e.ir.OAuth2.TokenURL, ClientID: "shop/1", Scopes: []string{"a"}}
	e.wants("Bearer token-3")
	e.put("crm/secret", "")
	var none *Unavailable
	if got, err := e.sent(); !errors.As(err, &none) {
		t.Errorf("%q was sent without a secret: %v", got, err)
	}
}

// TestWhatATokenEndpointMayAnswer: what cannot be used is told without a word of it.
func TestWhatATokenEndpointMayAnswer(t *testing.T) {
	const quoted = "SECRET-WORDS"
	for name, c := range map[string]struct {
		status int
		body   string
		// want is a part of the error; empty where the token is good.
		want string
	}{
		"a token":                    {200, `{"access_token":"token-1","token_type":"Bearer","expires_in":60}`, ""},
		"a number as a string":       {200, `{"access_token":"token-1","token_type":"Bearer","expires_in":"60"}`, ""},
		"no end":                     {200, `{"access_token":"token-1","token_type":"Bearer"}`, ""},
		"more than that":             {200, `{"access_token":"token-1","token_type":"Bearer","expires_in":60,"scope":"a","refresh_token":"x"}`, ""},
		"a client that nobody knows": {401, `{"error":"invalid_client","error_description":"` + quoted + `"}`, "answers 401 invalid_client"},
		"a scope":                    {400, `{"error":"invalid_scope"}`, "answers 400 invalid_scope"},
		"an error of its own":        {400, `{"error":"` + quoted + `"}`, "answers 400."},
		"a page":                     {500, `<html>` + quoted, "answers 500."},
		"another place":              {302, quoted, "answers 302."},
		"something else":             {200, quoted, "something else than JSON"},
		"no token":                   {200, `{"token_type":"Bearer"}`, "no token that can be sent"},
		"two lines":                  {200, `{"access_token":"a\r\nX: ` + quoted + `","token_type":"Bearer"}`, "no token that can be sent"},
		"a space":                    {200, `{"access_token":"a b","token_type":"Bearer"}`, "no token that can be sent"},
		"another type":               {200, `{"access_token":"a","token_type":"mac"}`, "another type than Bearer"},
		"no type":                    {200, `{"access_token":"a"}`, "another type than Bearer"},
		"an end that was":            {200, `{"access_token":"a","token_type":"Bearer","expires_in":-1}`, "an end that cannot be read"},
		"an end that is no number":   {200, `{"access_token":"a","token_type":"Bearer","expires_in":"` + quoted + `"}`, "an end that cannot be read"},
		"more than can be read":      {200, `{"access_token":"` + strings.Repeat("a", maxAnswer) + `","token_type":"Bearer"}`, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, nil)
			e.answer = func(w http.ResponseWriter, _ int) {
				w.Header().Set("Location", "/token?"+quoted)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}
			got, err := e.sent()
			if c.want == "" {
				if got != "Bearer token-1" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), quoted) || strings.Contains(err.Error(), "correct") {
				t.Errorf("%q, %v", got, err)
			}
			if n := e.questions(); n != 1 || len(e.told) != 1 || e.told[0] == nil {
				t.Errorf("asked %d times, told %v", n, e.told)
			}
		})
	}
}

func TestATokenEndpointIsVerified(t *testing.T) {
	e := newEndpoint(t, nil)
	e.source.RoundTrip = func(_ string, r *http.Request) (*http.Response, error) {
		return http.DefaultTransport.RoundTrip(r) // which does not know its authority
	}
	if got, err := e.sent(); err == nil || !strings.Contains(err.Error(), "certificate cannot be verified") {
		t.Errorf("%q, %v", got, err)
	}
	if e.questions() != 0 {
		t.Error("the secret was sent")
	}
}

// TestAnEndpointThatFailsIsLeftAlone for a while, which grows, or which it names.
func TestAnEndpointThatFailsIsLeftAlone(t *testing.T) {
	e := newEndpoint(t, nil)
	after := ""
	e.answer = func(w http.ResponseWriter, n int) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusTooManyRequests)
	}
	want := 0
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
		for range 20 {
			if got, err := e.sent(); err == nil {
				t.Fatalf("%q was sent", got)
			}
		}
		if want++; e.questions() != want {
			t.Errorf("asked %d times, not %d", e.questions(), want)
		}
		e.later(pause - time.Millisecond)
		_, _ = e.sent()
		if e.questions() != want {
			t.Errorf("asked again before %s were over", pause)
		}
		e.later(time.Millisecond)
	}
	after = "45"
	_, _ = e.sent()
	e.later(44 * time.Second)
	_, _ = e.sent()
	if want++; e.questions() != want {
		t.Errorf("asked %d times, not %d", e.questions(), want)
	}
	e.answer = nil
	e.later(time.Second)
	e.wants(fmt.Sprintf("Bearer token-%d", want+1))
}

func TestATokenThatTheServiceRefuses(t *testing.T) {
	e := newEndpoint(t, nil)
	refuse := func() {
		c, err := e.source.Ready(context.Background(), service, e.ir)
		if err != nil {
			t.Fatal(err)
		}
		e.source.Refused(service, c)
	}
	e.wants("Bearer token-1")
	refuse()
	e.wants("Bearer token-1") // a service that refuses everything costs no question for each request
	e.later(time.Minute)
	refuse()
	e.wants("Bearer token-2")
	old, _ := e.source.Ready(context.Background(), service, e.ir)
	e.later(time.Minute)
	refuse()
	e.wants("Bearer token-3")
	e.later(time.Minute)
	e.source.Refused(service, old) // an answer that was long on its way
	e.wants("Bearer token-3")
	e.source.Refused("nobody/nothing", old)
}

func TestNobodyWaitsForEver(t *testing.T) {
	e := newEndpoint(t, nil)
	e.hold = make(chan struct{})
	defer close(e.hold)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.source.Ready(ctx, service, e.ir); err == nil || !strings.Contains(err.Error(), "Try again") {
		t.Errorf("%v", err)
	}
}

// TestAPanicDenies and leaves nobody waiting.
func TestAPanicDenies(t *testing.T) {
	e := newEndpoint(t, nil)
	e.source.RoundTrip = func(string, *http.Request) (*http.Response, error) { panic(json.Number("1")) }
	if got, err := e.sent(); err == nil {
		t.Errorf("%q was sent", got)
	}
}
