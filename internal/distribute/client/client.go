package client

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
	"github.com/optup/optup/internal/pods"
)

// Update is what the manager, or the state folder, says.
type Update struct {
	// Generation and Hash name the bundle in force.
	Generation int64
	Hash       string
	// Bundle is the new bundle, decoded and validated, and Encoded its canonical encoding. Both are nil if only something else changed.
	Bundle  *ir.Bundle
	Encoded []byte
	// Grant is the compact JWS for the ledger, valid until GrantExpires; empty if there is none, as from the state folder.
	Grant        string
	GrantExpires time.Time
	// Credentials are values that bundles name and never hold; an empty one is there no more. They are kept in memory only, so that none
	// comes from the state folder. They hold even where the bundle that came with them is refused.
	Credentials map[ir.Value]credential.Secret
	// Identity is who the caller is to other sidecars; nil if nothing of it changed. It is never stored.
	Identity *Identity
	// Interception is what TLS is ended with from now on; nil if nothing of it changed. It is never stored.
	Interception *Interception
	// Pods are where the pods behind some hosts are, each in the place of what was said of its host; nil if nothing of it changed.
	Pods []pods.Set
	// Stored tells that the bundle comes from the state folder, because the manager has not answered yet.
	Stored bool
}

// Interception are the authorities that applications should trust, newest first, and leaves for Options.InterceptionKey. Both are in DER.
type Interception struct {
	Authorities [][]byte `json:"authorities"`
	Leaves      [][]byte `json:"leaves"`
}

// Options say where the manager is and what to do with its bundles.
type Options struct {
	// Manager is the base URL, for example "https://optup-manager.optup-system.svc:9443".
	Manager string
	// TrustFile holds the CA certificates (PEM) and TokenFile the bearer token. Both are read again for each connection.
	TrustFile, TokenFile string
	// StateDir keeps the last good bundle; empty keeps none.
	StateDir string
	// Version of the binary, for display.
	Version string
	// Apply takes an update into force. An error refuses the bundle: the one before stays in force and the manager is told the
	// error's text, so it must not hold data of any person. Apply is never called concurrently.
	Apply func(Update) error
	// InterceptionKey is the public key (PKIX, DER) to end TLS with; nil for none. Trusted gives the ids of the authorities that
	// applications trust, and Untrusting the hosts on whose connections they did not accept our certificate. Both may be nil.
	InterceptionKey     []byte
	Trusted, Untrusting func() []string
	// Callers gives who called the services that are provided here, in the last day; nil for nobody.
	Callers func() []peer.Observed
	// Logger is nil for slog.Default().
	Logger *slog.Logger

	// signOfLife, silence and retry are 0 for the defaults; tests shorten them.
	signOfLife, silence, retry time.Duration
}

const (
	defaultSignOfLife = 20 * time.Second
	// Three heartbeats of the manager.
	defaultSilence = 45 * time.Second
	defaultRetry   = time.Second
	longestRetry   = 30 * time.Second
)

// Run receives bundles until ctx ends and then returns nil. It only fails for options that can never work; whatever goes wrong
// with the manager is retried with growing, jittered pauses while the last good bundle stays in force.
func Run(ctx context.Context, o Options) error {
	if o.Manager == "" || o.TokenFile == "" || o.TrustFile == "" || o.Apply == nil {
		return errors.New("the config client needs the manager's URL, a trust file, a token file and something to apply bundles to")
	}
	c := &client{Options: o}
	c.fillDefaults()
	c.loadStored()
	pause := c.retry
	for ctx.Err() == nil {
		started := time.Now()
		err := c.session(ctx)
		if ctx.Err() != nil {
			break
		}
		c.Logger.Warn("config stream ended; the last good bundle stays in force", "error", err, "generation", c.inForce().generation)
		if time.Since(started) > longestRetry {
			pause = c.retry
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, longestRetry)
	}
	return nil //nolint:nilerr // the end of ctx is no failure
}

type client struct {
	Options
	mu      sync.Mutex
	current state
	// refused is the last bundle that Apply or Decode refused.
	refused  state
	problem  string
	hasFault bool

	// placed is where pods are, by host, as it is stored.
	placed map[string]podsWire
	// key is that of the present stream. It is in no file and goes nowhere.
	key *ecdsa.PrivateKey
}

// state names a bundle.
type state struct {
	generation int64
	hash       string
}

func (c *client) fillDefaults() {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.signOfLife == 0 {
		c.signOfLife = defaultSignOfLife
	}
	if c.silence == 0 {
		c.silence = defaultSilence
	}
	if c.retry == 0 {
		c.retry = defaultRetry
	}
}

func (c *client) inForce() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *client) loadStored() {
	if c.StateDir == "" {
		return
	}
	s, err := readState(c.StateDir)
	if err != nil || s == nil {
		if err != nil {
			c.Logger.Warn("the stored bundle cannot be used; waiting for the manager", "error", err)
		}
		return
	}
	u := Update{Generation: s.Generation, Hash: s.Hash, Encoded: s.Bundle, Stored: true, Pods: c.loadPods()}
	if u.Bundle, err = ir.Decode(s.Bundle); err == nil {
		err = c.Apply(u)
	}
	if err != nil {
		c.Logger.Warn("the stored bundle was refused; waiting for the manager", "error", err)
		return
	}
	c.current = state{s.Generation, s.Hash}
}

// session is one connection: it returns when the stream ends, for example with the token.
func (c *client) session(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := c.connect()
	if err != nil {
		return err
	}
	defer conn.close()

	// Without this a manager that vanished without a word would leave the stream open for ever.
	watchdog := time.AfterFunc(c.silence, func() { cancel(errors.New("the manager fell silent")) })
	defer watchdog.Stop()
	now := c.inForce()
	key, public, err := newKey()
	if err != nil {
		return err
	}
	c.key = key
	stream, err := conn.watch(ctx, watchRequest{
		Version: c.Version, Schema: ir.Schema, Generation: now.generation, Hash: now.hash,
		IdentityKey: public, InterceptionKey: c.InterceptionKey, InterceptionAuthorities: listed(c.Trusted),
	})
	if err != nil {
		return fmt.Errorf("open the config stream: %w", err)
	}
	defer stream.close()

	acks := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() { defer close(done); c.acknowledge(ctx, conn, acks) }()
	defer func() { cancel(nil); <-done }()
	for {
		m, err := stream.next()
		if err != nil {
			if gone := context.Cause(ctx); gone != nil {
				return gone
			}
			if errors.Is(err, io.EOF) {
				return nil // the manager ended it in order
			}
			return err
		}
		watchdog.Reset(c.silence)
		if c.take(&m) {
			select {
			case acks <- struct{}{}:
			default:
			}
		}
	}
}

// take brings a message into force and tells whether there is something to acknowledge at once.
func (c *client) take(m *watchResponse) bool {
	u := Update{
		Generation: m.Generation, Hash: m.Hash, Grant: m.LedgerGrant, GrantExpires: m.LedgerGrantExpires, Credentials: m.values(),
		Interception: m.Interception,
	}
	now := c.inForce()
	c.takePods(m.Pods, now) // what a bundle needs comes before the bundle
	var err error
	if u.Identity, err = c.identity(m.Identity); err != nil {
		c.Logger.Error("the certificate that proves who this is cannot be used; other sidecars do not know it", "error", err)
	}
	if m.Heartbeat || len(m.Bundle) == 0 {
		u.Generation, u.Hash = now.generation, now.hash
		if u.Grant != "" || u.Credentials != nil || u.Identity != nil || u.Interception != nil {
			if err := c.Apply(u); err != nil {
				c.Logger.Warn("what the manager sent besides bundles was refused", "error", err)
			}
		}
		return false
	}
	if err := c.takeBundle(u, m.Bundle, now); err != nil {
		c.Logger.Error("a bundle was refused; the one before stays in force", "generation", u.Generation, "error", err)
		c.mu.Lock()
		c.refused, c.problem, c.hasFault = state{u.Generation, u.Hash}, err.Error(), true
		c.mu.Unlock()
	}
	return true
}

// values are the credentials of a message; nil if it has none.
func (m *watchResponse) values() map[ir.Value]credential.Secret {
	if len(m.Credentials) == 0 {
		return nil
	}
	out := make(map[ir.Value]credential.Secret, len(m.Credentials))
	for _, v := range m.Credentials {
		out[ir.Value{Service: v.Service, ID: v.ID}] = v.Value
	}
	return out
}

func listed(of func() []string) []string {
	if of == nil {
		return nil
	}
	return of()
}

func (c *client) takeBundle(u Update, encoded []byte, now state) error {
	if u.Generation < now.generation {
		return fmt.Errorf("generation %d is older than generation %d, which is in force", u.Generation, now.generation)
	}
	if ir.Hash(encoded) != u.Hash {
		return errors.New("the bundle does not have the hash that was announced")
	}
	b, err := ir.Decode(encoded)
	if err != nil {
		return err
	}
	u.Bundle, u.Encoded = b, encoded
	if err := c.Apply(u); err != nil {
		return err
	}
	c.mu.Lock()
	c.current, c.hasFault, c.problem = state{u.Generation, u.Hash}, false, ""
	c.mu.Unlock()
	c.keepPods(b)
	if c.StateDir != "" {
		if err := writeState(c.StateDir, stored{Generation: u.Generation, Hash: u.Hash, Bundle: encoded}); err != nil {
			c.Logger.Warn("the bundle is in force but could not be stored for the next start", "error", err)
		}
	}
	return nil
}
