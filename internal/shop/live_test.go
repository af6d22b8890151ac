package shop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestALiveViewSeesWhoIsThere(t *testing.T) {
	crm := NewCRM(1, 20)
	api, admin := httptest.NewServer(crm.Handler()), httptest.NewServer(crm.Admin())
	defer api.Close()
	defer admin.Close()
	l := NewLive(api.URL)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	wait := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, l.Stats())
			}
		}
	}
	wait("everybody is seen", func() bool { return l.Stats().People == 20 })
	guest := "guest@example.org"
	res, err := http.Post(admin.URL+"/regular", "application/json", strings.NewReader(`{"email":"`+guest+`"}`)) //nolint:noctx // a test
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("%v %v", res, err)
	}
	_ = res.Body.Close()
	wait("the regular is seen again and again", func() bool { return l.Visitor(guest).Visits > 5 })
	if s := l.Stats(); s.Streams != 1 || s.Denied != 0 {
		t.Errorf("%+v", s)
	}
	cancel()
	<-done
}

func TestALiveViewThatIsRefusedSaysSo(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if err := NewLive(s.URL).Follow(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v", err)
	}
}
