package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// noted tells which status was answered.
type noted struct {
	http.ResponseWriter
	status func(int)
}

func (n *noted) WriteHeader(status int) {
	n.status(status)
	n.ResponseWriter.WriteHeader(status)
}

func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

type requestKey struct{}

func withRequest(ctx context.Context, r *request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) } //nolint:forcetypeassert // kept sets it

// admin serves what only tests ask: what arrived, which keys count, whom the provider knows, which certificate it shows, and that it
// calls somebody with events.
func (v *vendor) admin(c *certificates) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		answer(w, http.StatusOK, map[string]any{"requests": v.requests})
	})
	mux.HandleFunc("POST /keys", func(w http.ResponseWriter, r *http.Request) {
		var keys []string
		take(w, r, &keys, func() error {
			clear(v.keys)
			for _, k := range keys {
				v.keys[k] = true
			}
			return nil
		}, v)
	})
	mux.HandleFunc("POST /contacts", func(w http.ResponseWriter, r *http.Request) {
		var all []contact
		take(w, r, &all, func() error { v.contacts = all; return nil }, v)
	})
	mux.HandleFunc("POST /certificate", func(w http.ResponseWriter, r *http.Request) {
		var name string
		take(w, r, &name, func() error { return c.use(name) }, v)
	})
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		v.locked(func() { v.requests = nil; clear(v.begun) })
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /events/key", v.verificationKey)
	mux.HandleFunc("POST /events", v.call)
	return mux
}

func take(w http.ResponseWriter, r *http.Request, into any, do func() error, v *vendor) {
	err := json.NewDecoder(r.Body).Decode(into)
	if err == nil {
		v.locked(func() { err = do() })
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// verificationKey is the key as the provider's settings show it: base64 of the public key's DER.
func (v *vendor) verificationKey(w http.ResponseWriter, _ *http.Request) {
	der, err := x509.MarshalPKIXPublicKey(v.signs.Public())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]string{"public_key": base64.StdEncoding.EncodeToString(der)})
}

// outgoing is a call of the event webhook. The signature is over the time and the exact bytes of the body.
type outgoing struct {
	URL    string `json:"url"`
	Method string `json:"method"`
	Body   string `json:"body"`
	// At is the signed time; nil for now.
	At *int64 `json:"at"`
	// Forge changes the body after it was signed, Unsigned leaves the signature out.
	Forge    bool `json:"forge"`
	Unsigned bool `json:"unsigned"`
	// Headers are set besides, and may replace others.
	Headers map[string]string `json:"headers"`
}

// call posts a body to somebody as the event webhook does. The answer is that of whom it called.
func (v *vendor) call(w http.ResponseWriter, r *http.Request) {
	var c outgoing
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := v.sign(r.Context(), &c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	answer(w, http.StatusOK, map[string]any{"status": response.StatusCode, "body": string(text)})
}

func (v *vendor) sign(ctx context.Context, c *outgoing) (*http.Request, error) {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	if c.At != nil {
		at = strconv.FormatInt(*c.At, 10)
	}
	sum := sha256.Sum256([]byte(at + c.Body))
	signature, err := ecdsa.SignASN1(rand.Reader, v.signs, sum[:])
	if err != nil {
		return nil, err
	}
	if c.Forge {
		c.Body += " "
	}
	out, err := http.NewRequestWithContext(ctx, cmp.Or(c.Method, http.MethodPost), c.URL, strings.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	out.Header.Set("Content-Type", "application/json; charset=utf-8")
	out.Header.Set("User-Agent", "SendGrid Event API")
	if !c.Unsigned {
		out.Header.Set("X-Twilio-Email-Event-Webhook-Signature", base64.StdEncoding.EncodeToString(signature))
		out.Header.Set("X-Twilio-Email-Event-Webhook-Timestamp", at)
	}
	for name, value := range c.Headers {
		out.Header.Set(name, value)
	}
	return out, nil
}
