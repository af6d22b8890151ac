package shop

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxSendBody bounds the body of one send request in bytes.
const maxSendBody = 8 << 20

// ESP is a mail provider that sends nothing and counts everything: what it accepted would have reached the person. It is safe for
// concurrent use.
type ESP struct {
	mu sync.Mutex
	// keys are the API keys that count; without any nobody is asked for one.
	keys      map[string]bool
	templates map[string]*delivered
}

type delivered struct {
	requests, mails int
	people          map[string]*Seen
}

// Seen is what reached one address.
type Seen struct {
	// Count is the number of mails.
	Count int `json:"count"`
	// Last is when the last of them was accepted, on the provider's clock (RFC 3339 with nanoseconds); left out with none.
	Last time.Time `json:"last,omitzero"`
	// LastSubject is the subject of that mail.
	LastSubject string `json:"lastSubject,omitempty"`
}

// TemplateStats counts what was accepted with one template.
type TemplateStats struct {
	Requests int `json:"requests"`
	Mails    int `json:"mails"`
	// Distinct is the number of different addresses.
	Distinct int `json:"distinct"`
}

// ESPStats is what was accepted since the start or the last reset, by template.
type ESPStats struct {
	Templates map[string]TemplateStats `json:"templates"`
}

// NewESP returns a provider that has accepted nothing yet.
func NewESP() *ESP { return &ESP{templates: map[string]*delivered{}} }

// SetKeys says which API keys count from now on. Without any nobody is asked for one.
func (e *ESP) SetKeys(keys []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keys = map[string]bool{}
	for _, k := range keys {
		e.keys[k] = true
	}
}

func (e *ESP) knows(authorization string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	key, ok := strings.CutPrefix(authorization, "Bearer ")
	return len(e.keys) == 0 || ok && e.keys[key]
}

// Handler serves the API: POST /v3/mail/send (202, or 400 with what is wrong) and GET /v3/templates/{id}. Where keys count, 401 answers
// who has none of them.
func (e *ESP) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/mail/send", e.send)
	mux.HandleFunc("GET /v3/templates/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		title, ok := templates[id]
		if !ok {
			espError(w, http.StatusNotFound, "there is no such template")
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{"id": id, "name": title, "generation": "dynamic"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.knows(r.Header.Get("Authorization")) {
			espError(w, http.StatusUnauthorized, "The provided authorization grant is invalid, expired, or revoked")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (e *ESP) send(w http.ResponseWriter, r *http.Request) {
	var m sendRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSendBody)).Decode(&m); err != nil {
		espError(w, http.StatusBadRequest, "the body is not the JSON of a mail")
		return
	}
	if complaint := m.complaint(); complaint != "" {
		espError(w, http.StatusBadRequest, complaint)
		return
	}
	e.accept(&m, time.Now().UTC())
	w.Header().Set("X-Message-Id", rand.Text())
	w.WriteHeader(http.StatusAccepted)
}

func (m *sendRequest) complaint() string {
	switch {
	case templates[m.TemplateID] == "":
		return "template_id names no template"
	case !strings.Contains(m.From.Email, "@"):
		return "from needs an address"
	case len(m.Personalizations) == 0 || len(m.Personalizations) > maxPersonalizations:
		return "personalizations needs 1 to 1000 entries"
	}
	for _, p := range m.Personalizations {
		if len(p.To) == 0 {
			return "a personalization needs an addressee"
		}
		for _, to := range p.everybody() {
			if !strings.Contains(to.Email, "@") {
				return "an addressee needs an address"
			}
		}
	}
	return ""
}

func (p *personalization) everybody() []mailbox {
	all := append([]mailbox{}, p.To...)
	return append(append(all, p.CC...), p.BCC...)
}

func (e *ESP) accept(m *sendRequest, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.templates[m.TemplateID]
	if d == nil {
		d = &delivered{people: map[string]*Seen{}}
		e.templates[m.TemplateID] = d
	}
	d.requests++
	for _, p := range m.Personalizations {
		for _, to := range p.everybody() {
			address := strings.ToLower(to.Email)
			s := d.people[address]
			if s == nil {
				s = &Seen{}
				d.people[address] = s
			}
			s.Count++
			if !now.Before(s.Last) {
				s.Last, s.LastSubject = now, m.Subject
			}
			d.mails++
		}
	}
}

func espError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"errors": []map[string]string{{"message": message}}})
}
