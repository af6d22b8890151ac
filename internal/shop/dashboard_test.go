package shop

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestADashboardSeesEverybodyAndEveryField(t *testing.T) {
	crm := NewCRM(1, 1100)
	server := httptest.NewServer(crm.Handler())
	defer server.Close()
	d := NewDashboard(server.URL, time.Second)
	d.Round(t.Context())
	s := d.Stats()
	if s.Rounds != 1 || s.People != 1100 || s.Denied != 0 || s.LastError != "" {
		t.Errorf("saw %+v", s)
	}
	for _, field := range []string{"id", "email", "name", "orders", "birthday", "score"} {
		if s.Fields[field] != 1100 {
			t.Errorf("saw the field %s %d times", field, s.Fields[field])
		}
	}
	if n := s.Fields["health"]; n == 0 || n > 200 {
		t.Errorf("saw health data %d times", n)
	}
	var list peopleList
	call(t, d.Admin(), "GET", "/people", "", &list)
	if len(list.People) != 1100 {
		t.Errorf("listed %d people", len(list.People))
	}
}

// TestAnEmptyPageIsNotTheEnd: a page may hold nobody, because somebody took its people out, and the next one may hold people again.
func TestAnEmptyPageIsNotTheEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "1" {
			writeJSON(w, http.StatusOK, map[string]any{"customers": []any{}, "page": 1, "next": 2})
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"customers": []any{map[string]string{"email": "anna@example.org"}}, "page": 2})
	}))
	defer server.Close()
	d := NewDashboard(server.URL, time.Second)
	d.Round(t.Context())
	if s := d.Stats(); s.Rounds != 1 || s.People != 1 || s.Fields["email"] != 1 {
		t.Errorf("saw %+v", s)
	}
}

func TestARefusedRoundIsShownAndLeavesTheLastOne(t *testing.T) {
	crm := NewCRM(1, 30)
	var refuse atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse.Load() {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		crm.Handler().ServeHTTP(w, r)
	}))
	defer server.Close()
	d := NewDashboard(server.URL, time.Second)
	d.Round(t.Context())
	refuse.Store(true)
	d.Round(t.Context())
	if s := d.Stats(); s.Rounds != 1 || s.People != 30 || s.Denied != 1 || !strings.Contains(s.LastError, "403") {
		t.Errorf("saw %+v", s)
	}
	refuse.Store(false)
	d.Round(t.Context())
	if s := d.Stats(); s.Rounds != 2 || s.LastError != "" {
		t.Errorf("saw %+v", s)
	}
}

func TestCRMPagesHoldEverybodyOnce(t *testing.T) {
	h := NewCRM(1, 105).Handler()
	seen := map[string]bool{}
	for page, want := range map[string]struct{ n, next int }{"1": {50, 2}, "2": {50, 3}, "3": {5, 0}, "4": {0, 0}, "4000000000000": {0, 0}} {
		var got customerPage
		if status := call(t, h, "GET", "/v1/customers?per_page=50&page="+page, "", &got); status != http.StatusOK {
			t.Fatalf("page %s: %d", page, status)
		}
		if len(got.Customers) != want.n || got.Next != want.next || got.Customers == nil {
			t.Errorf("page %s has %d people, and %d follows", page, len(got.Customers), got.Next)
		}
		for _, c := range got.Customers {
			seen[c.ID] = true
		}
	}
	if len(seen) != 105 {
		t.Errorf("saw %d people", len(seen))
	}
	for _, query := range []string{"page=0", "page=x", "per_page=0", "per_page=1001"} {
		if status := call(t, h, "GET", "/v1/customers?"+query, "", nil); status != http.StatusBadRequest {
			t.Errorf("%s was answered with %d", query, status)
		}
	}
	var one Customer
	if status := call(t, h, "GET", "/v1/customers/c-00042", "", &one); status != http.StatusOK || one.ID != "c-00042" {
		t.Errorf("customer 42: %d %+v", status, one)
	}
	if status := call(t, h, "GET", "/v1/customers/c-99999", "", nil); status != http.StatusNotFound {
		t.Errorf("a customer whom nobody knows: %d", status)
	}
	var clicks clickPage
	if status := call(t, h, "GET", "/v1/clicks?page=1", "", &clicks); status != http.StatusOK || len(clicks.Clicks) == 0 {
		t.Errorf("clicks: %d, %d of them", status, len(clicks.Clicks))
	}
}
