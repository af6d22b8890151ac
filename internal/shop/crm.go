package shop

import (
	"net/http"
	"strconv"
	"sync/atomic"
)

// Page sizes of the register's API: customers of a page when none is asked for, and at most.
const (
	defaultPerPage = 100
	maxPerPage     = 1000
)

// CRM is the register of customers with its HTTP API. It is immutable but for its counters and safe for concurrent use.
type CRM struct {
	people   []Customer
	clicks   []Click
	byID     map[string]*Customer
	requests atomic.Int64
	handed   atomic.Int64
	visits   visits
}

// CRMStats is what a CRM has answered so far: requests to its API, and customers handed out by them.
type CRMStats struct {
	Customers int   `json:"customers"`
	Requests  int64 `json:"requests"`
	HandedOut int64 `json:"handedOut"`
}

type customerPage struct {
	Customers []Customer `json:"customers"`
	Page      int        `json:"page"`
	// Next is the page that follows; left out on the last.
	Next  int `json:"next,omitempty"`
	Total int `json:"total"`
}

type clickPage struct {
	Clicks []Click `json:"clicks"`
	Page   int     `json:"page"`
	Next   int     `json:"next,omitempty"`
}

// NewCRM returns the register of the first n people of a seed.
func NewCRM(seed uint64, n int) *CRM {
	c := &CRM{people: People(seed, n), byID: make(map[string]*Customer, n)}
	c.clicks = Clicks(seed, c.people)
	c.visits.people = c.people
	for i := range c.people {
		c.byID[c.people[i].ID] = &c.people[i]
	}
	return c
}

// Handler serves the API: GET /v1/customers?page=&per_page=, /v1/customers/{id}, /v1/clicks?page=&per_page= and /v1/visits. Pages
// count from 1; what lies past the last is an empty page. Visits are a stream of server-sent events that does not end.
func (c *CRM) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/customers", func(w http.ResponseWriter, r *http.Request) {
		page, from, to, next, ok := span(r, len(c.people))
		if !ok {
			http.Error(w, "page counts from 1, per_page from 1 to 1000", http.StatusBadRequest)
			return
		}
		c.handed.Add(int64(to - from))
		writeJSON(w, http.StatusOK, customerPage{Customers: c.people[from:to], Page: page, Next: next, Total: len(c.people)})
	})
	mux.HandleFunc("GET /v1/customers/{id}", func(w http.ResponseWriter, r *http.Request) {
		one := c.byID[r.PathValue("id")]
		if one == nil {
			http.NotFound(w, r)
			return
		}
		c.handed.Add(1)
		writeJSON(w, http.StatusOK, one)
	})
	mux.HandleFunc("GET /v1/clicks", func(w http.ResponseWriter, r *http.Request) {
		page, from, to, next, ok := span(r, len(c.clicks))
		if !ok {
			http.Error(w, "page counts from 1, per_page from 1 to 1000", http.StatusBadRequest)
			return
		}
		writeJSON(w, http.StatusOK, clickPage{Clicks: c.clicks[from:to], Page: page, Next: next})
	})
	mux.HandleFunc("GET /v1/visits", c.visits.stream)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.requests.Add(1)
		mux.ServeHTTP(w, r)
	})
}

// Admin serves GET /healthz, GET /stats (CRMStats) and POST /regular {"email":""}, which says who visits at every moment.
func (c *CRM) Admin() http.Handler {
	mux := http.NewServeMux()
	healthy(mux)
	mux.HandleFunc("POST /regular", c.visits.name)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, CRMStats{Customers: len(c.people), Requests: c.requests.Load(), HandedOut: c.handed.Load()})
	})
	return mux
}

// span gives the part of a list of n that a request asks for, and the number of the page after it (0 for none).
func span(r *http.Request, n int) (page, from, to, next int, ok bool) {
	page, okPage := number(r, "page", 1)
	per, okPer := number(r, "per_page", defaultPerPage)
	if !okPage || !okPer || per > maxPerPage || page > n/per+1 {
		return 1, 0, 0, 0, okPage && okPer && per <= maxPerPage
	}
	from = min((page-1)*per, n)
	to = min(from+per, n)
	if to < n {
		next = page + 1
	}
	return page, from, to, next, true
}

// number reads a whole number from 1 from the query.
func number(r *http.Request, name string, otherwise int) (int, bool) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return otherwise, true
	}
	i, err := strconv.Atoi(v)
	return i, err == nil && i >= 1
}
