package server

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"github.com/optup/optup/internal/distribute/configv1"
)

// relayTime bounds how long an acknowledgement may take to the leader; the caller waits as long.
const relayTime = 3 * time.Second

// relayed marks what another replica passes on, so that two replicas that take each other for the leader do not send it in circles.
const relayed = "Optup-Relayed"

// Leader gives the replica that writes status, and false where this one does, or where none is known.
type Leader func(ctx context.Context) (configv1.ConfigServiceClient, bool)

// relay tells the leader what a caller of this replica has in force, in the caller's own name: the leader verifies the same token. What
// gets lost comes again with the caller's next sign of life.
func (s *Server) relay(ctx context.Context, req *connect.Request[configv1.AcknowledgeRequest]) {
	if s.Leader == nil || req.Header().Get(relayed) != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	leader, ok := s.Leader(ctx)
	if !ok {
		return
	}
	out := connect.NewRequest(req.Msg)
	out.Header().Set("Authorization", req.Header().Get("Authorization"))
	out.Header().Set(relayed, "1")
	if _, err := leader.Acknowledge(ctx, out); err != nil && s.Failed != nil {
		s.Failed(err)
	}
}
