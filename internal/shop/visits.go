package shop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// visitEvery is the time between two visits that a stream tells of.
const visitEvery = 5 * time.Millisecond

// Visit is one look of a customer at a page of the shop.
type Visit struct {
	Email string    `json:"email"`
	Page  string    `json:"page"`
	At    time.Time `json:"at"`
}

// visits tells who looks at what right now. Everybody comes along in turn; one person, if named, looks at every moment besides.
type visits struct {
	people  []Customer
	regular atomic.Pointer[string]
	streams atomic.Int64
}

// stream serves GET /v1/visits: server-sent events, one Visit each, until the client goes.
func (v *visits) stream(w http.ResponseWriter, r *http.Request) {
	if len(v.people) == 0 {
		http.Error(w, "nobody is there", http.StatusNotFound)
		return
	}
	v.streams.Add(1)
	defer v.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	pace := time.NewTicker(visitEvery)
	defer pace.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-r.Context().Done():
			return
		case <-pace.C:
		}
		who := []string{v.people[turn%len(v.people)].Email}
		if regular := v.regular.Load(); regular != nil {
			who = append(who, *regular)
		}
		for _, email := range who {
			line, err := json.Marshal(Visit{Email: email, Page: pages[turn%len(pages)], At: time.Now().UTC()})
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "event: visit\ndata: %s\n\n", line); err != nil {
				return
			}
		}
		if control.Flush() != nil {
			return
		}
	}
}

// name serves POST /regular {"email":""}: who looks at every moment; the empty address is nobody.
func (v *visits) name(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Email string `json:"email"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&b); err != nil || (b.Email != "" && !strings.Contains(b.Email, "@")) {
		http.Error(w, `the body is {"email": "an address, or nothing for nobody"}`, http.StatusBadRequest)
		return
	}
	if b.Email == "" {
		v.regular.Store(nil)
	} else {
		v.regular.Store(&b.Email)
	}
	w.WriteHeader(http.StatusNoContent)
}
