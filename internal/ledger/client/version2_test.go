package client

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

// TestALedgerOfVersion2IsFollowed: what one sent was recorded, people and all: Ada agreed and took it back, Bob agreed, Eve objected.
func TestALedgerOfVersion2IsFollowed(t *testing.T) {
	recorded, err := os.ReadFile("testdata/version2.stream")
	if err != nil {
		t.Fatal(err)
	}
	var epoch struct {
		Epoch string `json:"epoch"`
	}
	if err := json.Unmarshal(recorded[5:5+int(recorded[2])<<8+int(recorded[3])], &epoch); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/ping" {
			var ping struct {
				Nonce string `json:"nonce"`
			}
			if err := json.NewDecoder(r.Body).Decode(&ping); err != nil {
				t.Error(err)
			}
			_, _ = fmt.Fprintf(w, `{"nonce":%q,"epoch":%q,"position":5,"time":"2026-03-01T12:00:00Z"}`, ping.Nonce, epoch.Epoch)
			return
		}
		if spoken := r.URL.Query()[wire.VersionParameter]; !slices.Equal(spoken, []string{"2", "3", "4"}) {
			t.Errorf("the client says that it speaks %q", spoken)
		}
		_, _ = w.Write(recorded)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	feed := New(Options{
		URL: server.URL, Token: func() (string, error) { return "token", nil }, PingEvery: 5 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	done := make(chan error, 1)
	go func() { done <- feed.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
		server.CloseClientConnections()
		server.Close()
	})
	eventually(t, "facts are fresh", func() bool { return fresh(feed)() && feed.Position() == 5 })
	for who, want := range map[string]consent.Status{"ada@example.org": consent.StatusWithdrawn, "bob@example.org": consent.StatusGiven} {
		fact, known, err := feed.Lookup(email(who), "newsletter")
		if err != nil || !known || len(fact.Grants) != 1 || fact.Grants[0].Status != want {
			t.Errorf("%s: %+v %v %v", who, fact, known, err)
		}
	}
	if fact, known, err := feed.Lookup(email("eve@example.org"), "survey"); err != nil || !known || len(fact.Objections) != 1 {
		t.Errorf("eve: %+v %v %v", fact, known, err)
	}
	if fact, _, _ := feed.Lookup(email("bob@example.org"), "survey"); len(fact.Grants) != 1 || fact.Untimed {
		t.Errorf("bob: %+v", fact)
	}
}
