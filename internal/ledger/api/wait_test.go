package api_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/ledgertest"
)

func TestReadsTakeAtLeast(t *testing.T) {
	l := ledgertest.New(t).Start()
	at := l.Append("ada@example.org", ledgertest.Given("newsletter"))
	for name, c := range map[string]struct {
		query string
		want  int
	}{
		"a position that is seen":         {"?atLeast=" + strconv.Itoa(int(at)), 200},
		"a position that makes no sense":  {"?atLeast=soon", 400},
		"a position that is never seen":   {"?atLeast=99", 503},
		"none":                            {"", 200},
		"something else to wait for":      {"?wait=forever", 200}, // of no meaning to a read
		"a position of a header's number": {"?atLeast=0", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code, body := l.Do(ledgertest.Reader, "GET", "/v1/head"+c.query, ""); code != c.want {
				t.Fatalf("%d %s", code, body)
			}
		})
	}
	t.Run("a position that comes while it waits", func(t *testing.T) {
		t.Parallel()
		time.AfterFunc(100*time.Millisecond, func() { l.Append("bob@example.org", ledgertest.Given("newsletter")) })
		if code, body := l.Do(ledgertest.Reader, "GET", "/v1/head", "", "OptUp-At-Least", "2"); code != 200 {
			t.Fatalf("%d %s", code, body)
		}
	})
	if code, _ := l.Do(ledgertest.Touchpoint, "POST", "/v1/events?wait=forever", eventBody("ada@example.org", given)); code != 400 {
		t.Fatalf("status %d", code)
	}
}

func TestAnOfficerAdoptsALog(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	head, err := l.Store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := `{"epoch":"` + head.Epoch + `"}`
	for _, who := range []string{ledgertest.Touchpoint, ledgertest.Reader, ledgertest.Sidecar} {
		if code, _ := l.Do(who, "POST", "/v1/adopt", body); code != 403 {
			t.Errorf("%s: status %d", who, code)
		}
	}
	if code, text := l.Do(ledgertest.Officer, "POST", "/v1/adopt", `{"epoch":"another"}`); code != 409 {
		t.Fatalf("%d %s", code, text)
	}
	code, text := l.Do(ledgertest.Officer, "POST", "/v1/adopt", body)
	var after struct {
		Epoch    string `json:"epoch"`
		Position int    `json:"position"`
	}
	if err := json.Unmarshal([]byte(text), &after); code != 200 || err != nil || after.Epoch == head.Epoch || after.Epoch == "" || after.Position != 1 {
		t.Fatalf("%d %s", code, text)
	}
	if code, _ := l.Do(ledgertest.Officer, "POST", "/v1/adopt", body); code != 409 {
		t.Fatalf("adopted twice: %d", code)
	}
}
