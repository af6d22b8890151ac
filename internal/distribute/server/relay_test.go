package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/optup/optup/internal/distribute/configv1"
)

// TestTheLeaderLearnsWhatOtherReplicasAreTold: a sidecar is connected to one replica, and the one that writes status counts it.
func TestTheLeaderLearnsWhatOtherReplicasAreTold(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	leader := &Server{Tokens: tokens{time.Hour}, Directory: r.dir, Grants: r.grants, Sessions: NewSessions(time.Now, nil), Now: time.Now}
	at := httptest.NewTLSServer(leader.Handler())
	t.Cleanup(at.Close)
	r.server.Leader = func(context.Context) (configv1.ConfigServiceClient, bool) {
		return configv1.NewConfigServiceClient(at.Client(), at.URL), true
	}
	// Two replicas that take each other for the leader send nothing in circles.
	leader.Leader = func(context.Context) (configv1.ConfigServiceClient, bool) {
		t.Error("what was passed on is passed on again")
		return nil, false
	}
	r.dir.publish(t, 3)
	r.run(t)
	r.next(t)
	eventually(t, "the leader counts the sidecar", func() bool {
		s := leader.Sessions.Of("n", "c")
		return len(s) == 1 && s[0].PodUID == "pod-1" && s[0].Generation == 3 && s[0].Accepted
	})
}

// TestALeaderThatIsAwayDoesNotHoldUpSidecars: what it could not be told comes again.
func TestALeaderThatIsAwayDoesNotHoldUpSidecars(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	failed := make(chan error, 16)
	r.server.Leader = func(context.Context) (configv1.ConfigServiceClient, bool) {
		return configv1.NewConfigServiceClient(http.DefaultClient, "http://127.0.0.1:1"), true
	}
	r.server.Failed = func(err error) { failed <- err }
	r.dir.publish(t, 3)
	r.run(t)
	r.next(t)
	eventually(t, "this replica counts the sidecar", func() bool {
		s := r.sessions.Of("n", "c")
		return len(s) == 1 && s[0].Accepted
	})
	select {
	case <-failed:
	case <-time.After(30 * time.Second):
		t.Error("nobody was told that the leader is away")
	}
}
