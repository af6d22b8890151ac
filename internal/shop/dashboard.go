package shop

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// dashboardPerPage is how many customers the dashboard asks for at once.
const dashboardPerPage = 250

// Dashboard shows a sales team who its customers are. It reads the whole register again and again and counts what it sees. It is
// safe for concurrent use.
type Dashboard struct {
	url    string
	every  time.Duration
	client *http.Client

	mu    sync.Mutex
	stats DashboardStats
	seen  map[string]bool
}

// DashboardStats is what a dashboard has seen.
type DashboardStats struct {
	// Rounds is how many times the register was read to its end.
	Rounds int `json:"rounds"`
	// People and Fields are of the last such round: customers with an address, and how many records held each field. A field
	// with null counts as held.
	People int            `json:"people"`
	Fields map[string]int `json:"fields"`
	// Denied counts answers that refused, and LastError is what stopped the newest round that did not reach the end; it is
	// empty after one that did.
	Denied    int    `json:"denied"`
	LastError string `json:"lastError"`
}

// NewDashboard returns a dashboard over the register at a base URL that starts a round every so often.
func NewDashboard(crm string, every time.Duration) *Dashboard {
	return &Dashboard{
		url: strings.TrimSuffix(crm, "/") + "/v1/customers", every: every, client: newClient(),
		stats: DashboardStats{Fields: map[string]int{}},
	}
}

// Run reads until the context ends.
func (d *Dashboard) Run(ctx context.Context) {
	t := time.NewTicker(d.every)
	defer t.Stop()
	for {
		d.Round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Round reads the register once and notes what came of it.
func (d *Dashboard) Round(ctx context.Context) {
	fields, people, err := d.read(ctx)
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.stats.LastError = err.Error()
		if refused := (*refusedError)(nil); errors.As(err, &refused) {
			d.stats.Denied++
		}
		return
	}
	d.stats.Rounds++
	d.stats.LastError = ""
	d.stats.Fields, d.stats.People, d.seen = fields, len(people), people
}

func (d *Dashboard) read(ctx context.Context) (fields map[string]int, people map[string]bool, err error) {
	fields, people = map[string]int{}, map[string]bool{}
	for page := 1; page > 0; {
		var answer struct {
			Customers []map[string]json.RawMessage `json:"customers"`
			Next      int                          `json:"next"`
		}
		url := d.url + "?page=" + strconv.Itoa(page) + "&per_page=" + strconv.Itoa(dashboardPerPage)
		if err := getJSON(ctx, d.client, url, &answer); err != nil {
			return nil, nil, err
		}
		for _, c := range answer.Customers {
			for name := range c {
				fields[name]++
			}
			var email string
			if json.Unmarshal(c["email"], &email) == nil && email != "" {
				people[email] = true
			}
		}
		if answer.Next != 0 && answer.Next <= page {
			return nil, nil, errors.New("the pages of the register lead back")
		}
		page = answer.Next
	}
	return fields, people, nil
}

// Stats gives what was seen so far.
func (d *Dashboard) Stats() DashboardStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Fields = maps.Clone(d.stats.Fields)
	return s
}

// Admin serves GET /healthz, GET /stats (DashboardStats) and GET /people (the addresses of the last full round, sorted).
func (d *Dashboard) Admin() http.Handler {
	mux := http.NewServeMux()
	healthy(mux)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, d.Stats()) })
	mux.HandleFunc("GET /people", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		people := slices.AppendSeq([]string{}, maps.Keys(d.seen))
		d.mu.Unlock()
		slices.Sort(people)
		writeJSON(w, http.StatusOK, peopleList{people})
	})
	return mux
}
