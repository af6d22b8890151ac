package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// maxBody is what the provider takes in one request: 30 MB.
const maxBody = 30 << 20

// request is what arrived, as far as tests ask for it.
type request struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	UserAgent string `json:"userAgent"`
	// Key is "right", "wrong" or "none": the key itself is kept nowhere.
	Key string `json:"key"`
	// Headers are the names of the headers.
	Headers []string `json:"headers"`
	Status  int      `json:"status"`
	Mail    *mail    `json:"mail,omitempty"`
}

type mailbox struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

type enabled struct {
	Enable *bool `json:"enable"`
}

// mail is the body of POST /v3/mail/send.
type mail struct {
	Personalizations []struct {
		To  []mailbox `json:"to"`
		CC  []mailbox `json:"cc,omitempty"`
		BCC []mailbox `json:"bcc,omitempty"`
	} `json:"personalizations"`
	From       *mailbox `json:"from"`
	Subject    string   `json:"subject"`
	TemplateID string   `json:"template_id,omitempty"`
	BatchID    string   `json:"batch_id,omitempty"`
	Tracking   struct {
		Open  *enabled `json:"open_tracking,omitempty"`
		Click *enabled `json:"click_tracking,omitempty"`
	} `json:"tracking_settings"`
	Content []json.RawMessage `json:"content,omitempty"`
}

// contact is a person as the provider knows one.
type contact struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	City      string `json:"city"`
}

// vendor is safe for concurrent use.
type vendor struct {
	mu       sync.Mutex
	keys     map[string]bool
	contacts []contact
	batches  map[string]bool
	requests []*request
	// begun are the subjects that stand for a fault and have met with it.
	begun map[string]bool
	// signs are events' signatures made with.
	signs *ecdsa.PrivateKey
}

func newVendor() (*vendor, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &vendor{keys: map[string]bool{}, batches: map[string]bool{}, begun: map[string]bool{}, signs: key}, err
}

func (v *vendor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/mail/send", v.send)
	mux.HandleFunc("POST /v3/mail/batch", func(w http.ResponseWriter, _ *http.Request) {
		id := rand.Text()
		v.locked(func() { v.batches[id] = true })
		answer(w, http.StatusCreated, map[string]string{"batch_id": id})
	})
	mux.HandleFunc("GET /v3/marketing/contacts", func(w http.ResponseWriter, r *http.Request) {
		var known []contact
		v.locked(func() { known = v.contacts })
		answer(w, http.StatusOK, map[string]any{
			"result": known, "contact_count": len(known), "_metadata": map[string]string{"self": "https://" + r.Host + r.URL.Path},
		})
	})
	mux.HandleFunc("GET /v3/api_keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"result": []map[string]string{{"name": "the account's own key", "api_key_id": "x"}}})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { complain(w, http.StatusNotFound, "Not Found", nil) })
	return v.kept(mux)
}

func (v *vendor) locked(do func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	do()
}

// kept notes each request, and lets those through whose key is right.
func (v *vendor) kept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &request{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, UserAgent: r.UserAgent(), Key: v.judge(r.Header.Get("Authorization"))}
		for name := range r.Header {
			kept.Headers = append(kept.Headers, name)
		}
		v.locked(func() { v.requests = append(v.requests, kept) })
		out := &noted{ResponseWriter: w, status: func(s int) { v.locked(func() { kept.Status = s }) }}
		if kept.Key != "right" {
			complain(out, http.StatusUnauthorized, "The provided authorization grant is invalid, expired, or revoked", nil)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(out, r.WithContext(withRequest(r.Context(), kept)))
	})
}

func (v *vendor) judge(authorization string) (verdict string) {
	key, ok := strings.CutPrefix(authorization, "Bearer ")
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.keys[key] && ok:
		return "right"
	case authorization == "":
		return "none"
	default:
		return "wrong"
	}
}

func (v *vendor) send(w http.ResponseWriter, r *http.Request) {
	var m mail
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		complain(w, http.StatusBadRequest, "Bad Request", nil)
		return
	}
	if message, field := v.wrong(&m); message != "" {
		complain(w, http.StatusBadRequest, message, &field)
		return
	}
	if v.first(m.Subject, "busy once") {
		complain(w, http.StatusServiceUnavailable, "Service Unavailable", nil)
		return
	}
	v.locked(func() { requestOf(r.Context()).Mail = &m })
	if v.first(m.Subject, "lost once") {
		panic(http.ErrAbortHandler) // the mail is sent, and nobody hears of it
	}
	w.Header().Set("X-Message-Id", rand.Text())
	w.WriteHeader(http.StatusAccepted)
}

// first tells whether a subject stands for a fault that it has not met with yet.
func (v *vendor) first(subject, fault string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !strings.HasPrefix(subject, fault) || v.begun[subject] {
		return false
	}
	v.begun[subject] = true
	return true
}

func (v *vendor) wrong(m *mail) (message, field string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case m.From == nil || !strings.Contains(m.From.Email, "@"):
		return "The from object must be provided for every email send. It is an object that requires the email parameter, but may also contain a name parameter.", "from.email"
	case len(m.Personalizations) == 0:
		return "The personalizations field is required and must have at least one personalization.", "personalizations"
	case m.BatchID != "" && !v.batches[m.BatchID]:
		return "invalid batch id", "batch_id"
	case m.TemplateID == "" && len(m.Content) == 0:
		return "Unless a valid template_id is provided, the content parameter is required.", "content"
	}
	for i, p := range m.Personalizations {
		if len(p.To) == 0 {
			return "The to array is required for all personalization objects, and must have at least one email object with a valid email address.", fmt.Sprintf("personalizations.%d.to", i)
		}
	}
	return "", ""
}

// complain answers as the provider answers errors.
func complain(w http.ResponseWriter, status int, message string, field *string) {
	answer(w, status, map[string]any{"errors": []map[string]any{{"message": message, "field": field, "help": nil}}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
