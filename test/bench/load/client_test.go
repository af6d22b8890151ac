package load

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/test/bench/harness"
)

// carryOut has a client carry out orders, one after the other.
func carryOut(t *testing.T, orders ...order) []told {
	t.Helper()
	var in, out bytes.Buffer
	for _, o := range orders {
		if err := json.NewEncoder(&in).Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := Client(&in, &out); err != nil {
		t.Fatal(err)
	}
	answers := make([]told, len(orders))
	dec := json.NewDecoder(&out)
	for i := range answers {
		if err := dec.Decode(&answers[i]); err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

// TestAStallCounts: requests that were due while a server stood still have waited, whether they could be sent or not.
func TestAStallCounts(t *testing.T) {
	body, first := person(), true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if first {
			first = false
			time.Sleep(200 * time.Millisecond)
		}
		_, _ = w.Write(body)
	}))
	defer server.Close()
	o := order{Address: strings.TrimPrefix(server.URL, "http://"), Host: "localhost", Rate: 100, Requests: 20, Connections: 1, People: 7, About: "offers"}
	got := carryOut(t, o, o)
	if got[0].Error != "" || len(got[0].Latencies) != 20 || got[0].Busy == 0 {
		t.Fatalf("%+v", got[0])
	}
	waited := 0
	for _, ns := range got[0].Latencies {
		if ns > (50 * time.Millisecond).Nanoseconds() {
			waited++
		}
	}
	if waited < 10 {
		t.Errorf("a stall of 200 ms, in which 20 requests were due, was felt by %d", waited)
	}
	var calm []float64
	for _, ns := range got[1].Latencies {
		calm = append(calm, float64(ns))
	}
	if harness.Median(calm) > 50e6 {
		t.Errorf("the stall was carried over to the next order: %v", got[1].Latencies)
	}
}

func TestWrongAnswersAreNoFigures(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a denial":               func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"half a body":            func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(person()[:100]) },
		"a connection that ends": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			defer server.Close()
			got := carryOut(t, order{Address: strings.TrimPrefix(server.URL, "http://"), Host: "localhost", Rate: 100, Requests: 3, Connections: 2, People: 1, About: "people"})
			if got[0].Error == "" {
				t.Errorf("%+v", got[0])
			}
		})
	}
}

// TestOnlyDecisionsAreFigures of AuthZEN: as many as were asked for, and everybody is permitted.
func TestOnlyDecisionsAreFigures(t *testing.T) {
	for answer, want := range map[string]bool{
		`{"evaluations":[{"decision":true},{"decision":true}]}`:  true,
		`{"evaluations":[{"decision":true},{"decision":false}]}`: false,
		`{"evaluations":[{"decision":true}]}`:                    false,
		`{"decision":true}`:                                      false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/access/v1/evaluation" {
				answer = strings.Replace(`{"decision":X}`, "X", strconv.FormatBool(want), 1)
			}
			_, _ = w.Write([]byte(answer))
		}))
		o := order{Address: strings.TrimPrefix(server.URL, "http://"), Host: "localhost", Rate: 100, Requests: 3, Connections: 1, People: 5, Ask: 2}
		one := o
		one.Ask = 1
		for _, got := range carryOut(t, o, one) {
			if (got.Error == "") != want {
				t.Errorf("%s: %q", answer, got.Error)
			}
		}
		server.Close()
	}
}

func TestLongAnswers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/list/{mebibytes}", stream)
	server := httptest.NewServer(mux)
	defer server.Close()
	o := order{Address: strings.TrimPrefix(server.URL, "http://"), Host: "localhost", Path: "/v1/list/1"}
	wrong := o
	wrong.Path = "/elsewhere"
	got := carryOut(t, o, wrong)
	if got[0].Error != "" || got[0].Bytes < 1<<20 || got[0].Bytes > 2<<20 || got[0].Took <= 0 || got[1].Error == "" {
		t.Errorf("%+v", got)
	}
	res, err := http.Get(server.URL + "/v1/list/1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var list struct{ Records []map[string]any }
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil || len(list.Records) < 1000 {
		t.Errorf("%d records, %v", len(list.Records), err)
	}
}

func TestAnAnswerIsOneKilobyte(t *testing.T) {
	if n := len(person()); !json.Valid(person()) || n < bodySize-48 || n > bodySize+48 {
		t.Errorf("%d bytes: %s", n, person())
	}
}
