package pages

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Options say what pages serve.
type Options struct {
	Links Links
	Desk  Desk
	Forms Forms
	// Base is the address under which people reach the pages: scheme and host, nothing else.
	Base *url.URL
	// Controller names whose ledger it is.
	Controller func() string
	// Proxies are the networks of proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Now is the clock of limits and cookies.
	Now    func() time.Time
	Logger *slog.Logger
	// Observe is told of each request that was answered. It may be nil.
	Observe func(route string, status int, took time.Duration)
}

// Pages answers requests. It is safe for concurrent use.
type Pages struct {
	Options
	limits *limits
}

// maxBody bounds what a form may send, in bytes.
const maxBody = 16 << 10

// handler answers a request, or gives what is wrong with it.
type handler func(w http.ResponseWriter, r *http.Request) error

// New returns the pages as an HTTP handler, for a listener of their own.
func New(o Options) (http.Handler, error) {
	if o.Base == nil || o.Base.Host == "" || o.Base.Path != "" || o.Base.RawQuery != "" || (o.Base.Scheme != "https" && o.Base.Scheme != "http") {
		return nil, errors.New("the public address of the pages is a scheme and a host, such as https://consent.example")
	}
	if o.Observe == nil {
		o.Observe = func(string, int, time.Duration) {}
	}
	p := &Pages{Options: o, limits: newLimits(o.Now)}

	// What a browser does with the cookies of the pages has to come from the pages. A proxy in front may have changed the host, so the
	// public origin is named; there is no bypass.
	guarded := http.NewServeMux()
	for route, h := range map[string]handler{
		"GET /{$}":                               p.askPage,
		"POST /link":                             p.askLink,
		"GET /sent":                              p.sent,
		"GET /confirm":                           p.linkPage(LinkConfirm),
		"POST /confirm":                          p.confirm,
		"GET /open":                              p.linkPage(LinkOpen),
		"POST /open":                             p.open,
		"GET /withdraw":                          p.linkPage(LinkWithdraw),
		"POST /withdraw":                         p.withdraw,
		"GET /done/{what}":                       p.done,
		"GET /person":                            p.person,
		"POST /person/act":                       p.act,
		"GET /person/erase":                      p.erasePage,
		"GET /person/data":                       p.data,
		"GET /person/receipts/{position}":        p.receipt,
		"POST /leave":                            p.leave,
		"POST /forms/{namespace}/{name}/answers": p.answerPage,
		"GET " + stylePath:                       p.style,
		"/":                                      func(http.ResponseWriter, *http.Request) error { return ErrNotOffered },
	} {
		guarded.Handle(route, p.page(h))
	}
	cross := http.NewCrossOriginProtection()
	if err := cross.AddTrustedOrigin(o.Base.Scheme + "://" + o.Base.Host); err != nil {
		return nil, err
	}
	cross.SetDenyHandler(p.page(func(http.ResponseWriter, *http.Request) error { return errForeign }))

	// What other origins may do reads no cookie, and changes nothing that a session could.
	mux := http.NewServeMux()
	mux.Handle("/", cross.Handler(guarded))
	for route, h := range map[string]handler{
		"GET /forms/{namespace}/{name}":        p.formPage,
		"POST /forms/{namespace}/{name}":       p.formPage,
		"GET /v1/forms/{namespace}/{name}":     p.formWords,
		"POST /v1/forms/{namespace}/{name}":    p.formAnswer,
		"OPTIONS /v1/forms/{namespace}/{name}": p.formPreflight,
		"GET " + scriptPath:                    p.script,
		"GET /favicon.ico":                     p.icon,
	} {
		mux.Handle(route, p.page(h))
	}
	return p.record(mux), nil
}

// policy is the content security policy of every answer: nothing but the own style sheet, no script at all.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const requestHeader = "Request-Id"

// record gives a request an id and its answer the headers that every answer has, survives panics and observes the outcome. It never
// looks at addresses beyond the route.
func (p *Pages) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		h := w.Header()
		h.Set(requestHeader, rand.Text())
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("Cache-Control", "no-store")
		defer func() {
			if v := recover(); v != nil {
				// The value of a panic may hold what was sent.
				p.Logger.Error("a page panicked", "request", h.Get(requestHeader), "route", r.Pattern)
				if rec.status == 0 {
					http.Error(rec, "500", http.StatusInternalServerError)
				}
			}
			route := r.Pattern
			if route == "" {
				route = "none"
			}
			p.Observe("pages "+route, max(rec.status, http.StatusOK), time.Since(start))
		}()
		r.Body = http.MaxBytesReader(rec, r.Body, maxBody)
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers the status. Unwrap gives http.ResponseController what is below.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap gives the writer below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// page answers with a handler, or with the page that helps with its error.
func (p *Pages) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := readForm(r)
		// The servers of a mail provider take back for many people from few addresses. They are slowed down by what does not count only.
		if err == nil && !oneClick(r) {
			err = p.limits.general.take(p.client(r))
		}
		if err == nil {
			err = h(w, r)
		}
		if err != nil {
			p.fail(w, r, err)
		}
	})
}
