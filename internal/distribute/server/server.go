package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
)

// Published is what a SidecarConfig holds.
type Published struct {
	Generation int64
	Hash       string
	Bundle     []byte
}

// Caller is who a pod turned out to be.
type Caller struct {
	// Namespace and Config name the SidecarConfig that is for the caller, and Workload what it is, for example "Deployment/app".
	Namespace, Config, Workload string
	// Ledger tells that the caller is the pod of a ledger: it gets a ledger's bundle and no grant.
	Ledger bool
}

// ErrUnknownPod reports a pod that is not there, or not yet.
var ErrUnknownPod = errors.New("no running pod belongs to the token; try again in a moment")

// Directory knows pods and what was published for them. Implementations are safe for concurrent use.
type Directory interface {
	// Caller gives what the pod of a verified token belongs to. It fails with ErrUnknownPod.
	Caller(ctx context.Context, who identity.Identity) (Caller, error)
	// Published gives the bundle of a SidecarConfig, and false if there is none yet.
	Published(ctx context.Context, namespace, config string) (Published, bool)
	// Changes gives a channel that is sent to whenever the SidecarConfig may have changed, until stop is called.
	Changes(namespace, config string) (changed <-chan struct{}, stop func())
}

// Grants signs what a sidecar shows to a ledger.
type Grants interface {
	Sign(g identity.Grant) (string, error)
}

// Values knows what bundles name and never hold. Implementations are safe for concurrent use.
type Values interface {
	// Value gives a value for a caller of a namespace. It is empty where there is none, and where the caller may not have it. It fails
	// where nobody knows, so that callers keep what they have.
	Value(ctx context.Context, namespace string, of ir.Value) (credential.Secret, error)
	// Changes gives a channel that is sent to whenever some value may have changed, until stop is called.
	Changes() (changed <-chan struct{}, stop func())
}

// Verifier verifies bearer tokens.
type Verifier interface {
	Verify(token string) (identity.Identity, error)
}

const (
	heartbeat   = 15 * time.Second
	grantLife   = 15 * time.Minute
	grantRenew  = 5 * time.Minute
	maxRequest  = 64 << 10
	maxReported = int64(1) << 40
)

// Server implements the config service.
type Server struct {
	Tokens    Verifier
	Directory Directory
	// Values is nil where there are none.
	Values Values
	// Pods is nil where nobody knows where pods are.
	Pods   Pods
	Grants Grants
	// Identities signs who sidecars are to each other; nil signs nothing. Unsigned, which may be nil, is told of certificates that could not
	// be signed: bundles go out all the same.
	Identities Identities
	Unsigned   func(error)
	Sessions   *Sessions
	Now        func() time.Time
	// Interceptor signs what sidecars end TLS with; nil signs nothing.
	Interceptor Interceptor
	// Leader is who counts acknowledgements; nil where this is the only replica. Failed, which may be nil, is told of those that could
	// not be passed on.
	Leader Leader
	Failed func(error)
	// heartbeat is 0 for the default; tests shorten it.
	heartbeat time.Duration
}

var _ configv1.ConfigServiceHandler = (*Server)(nil)

// Watch implements the stream. It ends when the caller's token does.
func (s *Server) Watch(ctx context.Context, req *connect.Request[configv1.WatchRequest], out *connect.ServerStream[configv1.WatchResponse]) error {
	who, caller, err := s.authenticate(ctx, req.Header().Get("Authorization"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, s.deadline(who))
	defer cancel()
	changed, stop := s.Directory.Changes(caller.Namespace, caller.Config)
	defer stop()
	var rotated <-chan struct{}
	if s.Values != nil && !caller.Ledger {
		var end func()
		rotated, end = s.Values.Changes()
		defer end()
	}
	moved, end := s.moves(caller)
	defer end()
	closeSession := s.Sessions.Open(who.PodUID, caller, min(req.Msg.GetGeneration(), maxReported), req.Msg.GetVersion())
	defer closeSession()

	w := &watch{s: s, who: who, caller: caller, out: out, sent: Published{Generation: req.Msg.GetGeneration(), Hash: req.Msg.GetHash()}}
	w.identity.key = req.Msg.GetIdentityKey()
	if w.intercepted, err = newIntercepted(req.Msg); err != nil {
		return connect.NewError(connect.CodeInvalidArgument, err)
	}
	tick := time.NewTicker(s.beat())
	defer tick.Stop()
	if err := w.send(ctx, true); err != nil {
		return err
	}
	pace := w.pace(tick, s.beat())
	later := time.NewTimer(podsPace)
	defer later.Stop()
	for {
		select {
		case <-ctx.Done():
			return connect.NewError(connect.CodeUnavailable, errors.New("the token has ended; connect again with a new one"))
		case <-changed:
			err = w.send(ctx, false)
		case <-rotated:
			err = w.send(ctx, false)
		case <-moved:
			later.Reset(w.placed.wait(s.Now()))
		case <-later.C:
			err = w.send(ctx, false)
		case <-tick.C:
			// The pod may have been deleted, or moved to another workload by its labels.
			if now, lost := s.Directory.Caller(ctx, who); lost != nil || now != caller {
				return connect.NewError(connect.CodeUnavailable, errors.New("the pod belongs to another workload now; connect again"))
			}
			err = w.send(ctx, true)
		}
		if err != nil {
			return err
		}
		pace = w.pace(tick, pace)
	}
}

// Acknowledge records what a caller has in force, and passes it on to the leader.
func (s *Server) Acknowledge(ctx context.Context, req *connect.Request[configv1.AcknowledgeRequest]) (*connect.Response[configv1.AcknowledgeResponse], error) {
	who, caller, err := s.authenticate(ctx, req.Header().Get("Authorization"))
	if err != nil {
		return nil, err
	}
	s.Sessions.Acknowledge(who.PodUID, caller, req.Msg)
	s.relay(ctx, req)
	return connect.NewResponse(&configv1.AcknowledgeResponse{}), nil
}

func (s *Server) authenticate(ctx context.Context, header string) (identity.Identity, Caller, error) {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return identity.Identity{}, Caller{}, connect.NewError(connect.CodeUnauthenticated, errors.New("send the projected token as a bearer token"))
	}
	who, err := s.Tokens.Verify(token)
	if err != nil {
		return identity.Identity{}, Caller{}, connect.NewError(connect.CodeUnauthenticated, err)
	}
	if who.PodUID == "" {
		return identity.Identity{}, Caller{}, connect.NewError(connect.CodePermissionDenied, errors.New("the token is not bound to a pod; use a projected one"))
	}
	caller, err := s.Directory.Caller(ctx, who)
	if err != nil {
		return identity.Identity{}, Caller{}, connect.NewError(connect.CodeUnavailable, err)
	}
	return who, caller, nil
}

func (s *Server) deadline(who identity.Identity) time.Time {
	// The verifier's clock may be a test's, contexts follow the real one.
	return time.Now().Add(who.Expires.Sub(s.Now()))
}

func (s *Server) beat() time.Duration {
	if s.heartbeat > 0 {
		return s.heartbeat
	}
	return heartbeat
}

// watch is one stream.
type watch struct {
	s            *Server
	who          identity.Identity
	caller       Caller
	out          *connect.ServerStream[configv1.WatchResponse]
	sent         Published
	grantExpires time.Time
	values       values
	identity     identified
	intercepted  intercepted
	placed       placed
}

// moves gives a channel that is sent to whenever pods may be elsewhere; nil where nobody tells.
func (s *Server) moves(c Caller) (<-chan struct{}, func()) {
	if s.Pods == nil || c.Ledger {
		return nil, func() {}
	}
	return s.Pods.Changes()
}

// pace is how long a stream is silent where nothing changes: shorter while a pod waits for an authority.
func (w *watch) pace(tick *time.Ticker, now time.Duration) time.Duration {
	next := w.s.beat()
	if w.intercepted.missing {
		next = min(next, interceptionRetry)
	}
	if next != now {
		tick.Reset(next)
	}
	return next
}

// send writes the bundle if it is newer than what was sent, else a heartbeat if always or if a credential or where pods are has changed.
func (w *watch) send(ctx context.Context, always bool) error {
	p, ok := w.s.Directory.Published(ctx, w.caller.Namespace, w.caller.Config)
	m := &configv1.WatchResponse{Heartbeat: true}
	fresh := ok && (p.Generation != w.sent.Generation || p.Hash != w.sent.Hash) && p.Generation >= w.sent.Generation
	if fresh {
		m = &configv1.WatchResponse{Generation: p.Generation, Hash: p.Hash, Bundle: p.Bundle}
	}
	if ok && w.s.Values != nil && !w.caller.Ledger {
		var err error
		if m.Credentials, err = w.values.changed(ctx, w.s.Values, w.caller.Namespace, p); err != nil {
			return connect.NewError(connect.CodeInternal, err)
		}
	}
	if ok && !w.caller.Ledger {
		if err := w.addPods(ctx, m, p); err != nil {
			return connect.NewError(connect.CodeInternal, err)
		}
	}
	if !fresh && !always && len(m.GetCredentials())+len(m.GetPods()) == 0 {
		return nil
	}
	if ok && !w.caller.Ledger && (fresh || w.s.Now().Add(grantRenew).After(w.grantExpires)) {
		if err := w.addGrant(m, p.Bundle); err != nil {
			return connect.NewError(connect.CodeInternal, err)
		}
	}
	if ok && !w.caller.Ledger {
		if err := w.addIdentity(ctx, m, p); err != nil && w.s.Unsigned != nil {
			w.s.Unsigned(err)
		}
		if err := w.addInterception(ctx, m, p); err != nil && w.s.Unsigned != nil {
			w.s.Unsigned(err)
		}
	}
	if err := w.out.Send(m); err != nil {
		return err
	}
	if fresh {
		w.sent = p
	}
	return nil
}

// addGrant lets the caller read the purposes of its bundle from the ledger of their controller.
func (w *watch) addGrant(m *configv1.WatchResponse, bundle []byte) error {
	b, err := ir.Decode(bundle)
	if err != nil {
		return fmt.Errorf("the published bundle cannot be read: %w", err)
	}
	if len(b.Ledgers) == 0 {
		return nil
	}
	// One stream carries one grant: the first ledger's, in the bundle's order.
	controller := b.Ledgers[0].Controller
	var purposes []consent.PurposeID
	for _, p := range b.Wanted().Purposes {
		if p.Controller == controller && p.Blocked == "" {
			purposes = append(purposes, p.Name)
		}
	}
	expires := w.s.Now().Add(grantLife).Truncate(time.Second)
	m.LedgerGrant, err = w.s.Grants.Sign(identity.Grant{
		Subject: w.who.Subject, PodUID: w.who.PodUID, Namespace: w.caller.Namespace, Workload: w.caller.Workload,
		Controller: controller, Purposes: purposes, Restrictions: restrictions(b, controller), Expires: expires,
	})
	if err != nil {
		return fmt.Errorf("the grant for the ledger could not be signed: %w", err)
	}
	m.LedgerGrantExpires = timestamppb.New(expires)
	w.grantExpires = expires
	return nil
}

// restrictions are what callbacks of the bundle may tell the ledger of a controller.
func restrictions(b *ir.Bundle, controller string) []identity.Restriction {
	var out []identity.Restriction
	for i := range b.Callbacks {
		c := &b.Callbacks[i]
		for _, e := range c.Events {
			r := identity.Restriction{Service: c.Service, Type: e.Type, Scope: e.Scope, Channel: e.Channel, Purpose: e.Purpose}
			if e.Controller == controller && !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}
