package shop

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"
)

func addressees(n int) []Addressee {
	var list []Addressee
	for _, c := range People(1, n) {
		list = append(list, Addressee{Email: c.Email, ID: c.ID})
	}
	return list
}

func TestACampaignReachesEverybodyOnTheListInBatches(t *testing.T) {
	esp := NewESP()
	server := httptest.NewServer(esp.Handler())
	defer server.Close()
	got := Campaign(server.URL, time.Second).Run(t.Context(), addressees(250))
	want := Summary{Template: TemplateNewsletter, Requests: 3, Addressees: 250, Accepted: 3, Reasons: map[string]int{}}
	if !reflect.DeepEqual(got, want) || !got.Answered() {
		t.Errorf("got %+v", got)
	}
	if s := esp.Stats().Templates[TemplateNewsletter]; s != (TemplateStats{Requests: 3, Mails: 250, Distinct: 250}) {
		t.Errorf("the provider counted %+v", s)
	}
}

func TestAnInvoiceIsOneRequestForEachCustomer(t *testing.T) {
	esp := NewESP()
	server := httptest.NewServer(esp.Handler())
	defer server.Close()
	got := Invoices(server.URL+"/", time.Second).Run(t.Context(), addressees(40))
	if got.Requests != 40 || got.Accepted != 40 {
		t.Errorf("got %+v", got)
	}
	if s := esp.Stats().Templates[TemplateInvoice]; s != (TemplateStats{Requests: 40, Mails: 40, Distinct: 40}) {
		t.Errorf("the provider counted %+v", s)
	}
}

func TestWhatAnAnswerMeansForARun(t *testing.T) {
	problem := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	for name, c := range map[string]struct {
		handler  http.HandlerFunc
		want     Summary
		answered bool
	}{
		"a refusal is an answer, and is not tried again": {
			handler:  problem(403, `{"title":"Forbidden","reasons":["NOT_PERMITTED"]}`),
			want:     Summary{Denied: 1, Reasons: map[string]int{"NOT_PERMITTED": 1}},
			answered: true,
		},
		"a problem without reasons counts by its title": {
			handler:  problem(403, `{"title":"Forbidden"}`),
			want:     Summary{Denied: 1, Reasons: map[string]int{"Forbidden": 1}},
			answered: true,
		},
		"a refusal in other words counts by its status": {
			handler:  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadRequest) },
			want:     Summary{Denied: 1, Reasons: map[string]int{"HTTP 400": 1}},
			answered: true,
		},
		"a service that stays away is no answer": {
			handler: problem(503, `{"title":"Behind","reasons":["LEDGER_BEHIND"]}`),
			want:    Summary{Failed: 1, Reasons: map[string]int{"LEDGER_BEHIND": 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				c.handler(w, r)
			}))
			defer server.Close()
			got := Campaign(server.URL, 250*time.Millisecond).Run(t.Context(), addressees(3))
			c.want.Template, c.want.Requests, c.want.Addressees = TemplateNewsletter, 1, 3
			if !reflect.DeepEqual(got, c.want) || got.Answered() != c.answered {
				t.Errorf("got %+v", got)
			}
			if n := tries.Load(); (n == 1) != c.answered {
				t.Errorf("tried %d times", n)
			}
		})
	}
}

func TestARunWaitsAsLongAsItIsTold(t *testing.T) {
	var tries atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	start := time.Now()
	got := Campaign(server.URL, 5*time.Second).Run(t.Context(), addressees(3))
	if took := time.Since(start); got.Accepted != 1 || tries.Load() != 2 || took < time.Second {
		t.Errorf("got %+v after %d tries and %s", got, tries.Load(), took)
	}
}

func TestPatienceIsSharedByAllRequests(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	start := time.Now()
	got := Campaign(server.URL, 400*time.Millisecond).Run(t.Context(), addressees(1000))
	if took := time.Since(start); got.Failed != 10 || got.Reasons["no answer"] != 10 || took > 3500*time.Millisecond {
		t.Errorf("got %+v after %s", got, took)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "": -1, "soon": -1, "-3": -1,
		"Wed, 01 Apr 2026 12:00:09 GMT": 9 * time.Second, "Wed, 01 Apr 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(v, now); got != want {
			t.Errorf("%q means %s, want %s", v, got, want)
		}
	}
}
