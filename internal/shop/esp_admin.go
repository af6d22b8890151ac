package shop

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Admin serves what only the demo asks: GET /healthz, GET /stats (ESPStats), GET /seen?template=&email= (Seen), GET
// /people?template= (the addresses that something reached, sorted), POST /reset, POST /keys (the API keys that count from now on) and GET /knows?key= (whether one does).
func (e *ESP) Admin() http.Handler {
	mux := http.NewServeMux()
	healthy(mux)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, e.Stats()) })
	mux.HandleFunc("GET /seen", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		writeJSON(w, http.StatusOK, e.Seen(q.Get("template"), q.Get("email")))
	})
	mux.HandleFunc("GET /people", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, peopleList{e.People(r.URL.Query().Get("template"))})
	})
	mux.HandleFunc("POST /keys", func(w http.ResponseWriter, r *http.Request) {
		var keys []string
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&keys); err != nil {
			espError(w, http.StatusBadRequest, "the body is no list of keys")
			return
		}
		e.SetKeys(keys)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /knows", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]bool{"knows": e.knows("Bearer " + r.URL.Query().Get("key"))})
	})
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		e.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

type peopleList struct {
	People []string `json:"people"`
}

// Stats counts what was accepted.
func (e *ESP) Stats() ESPStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := ESPStats{Templates: map[string]TemplateStats{}}
	for id, d := range e.templates {
		s.Templates[id] = TemplateStats{Requests: d.requests, Mails: d.mails, Distinct: len(d.people)}
	}
	return s
}

// Seen tells what reached an address with a template.
func (e *ESP) Seen(template, email string) Seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.templates[template]; d != nil {
		if s := d.people[strings.ToLower(email)]; s != nil {
			return *s
		}
	}
	return Seen{}
}

// People gives the addresses that something reached with a template, sorted.
func (e *ESP) People(template string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.templates[template]
	if d == nil {
		return []string{}
	}
	return slices.Sorted(maps.Keys(d.people))
}

// Reset forgets everything.
func (e *ESP) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.templates)
}
