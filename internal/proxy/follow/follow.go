package follow

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/decide"
	config "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
	ledger "github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/pods"
	"github.com/optup/optup/internal/proxy"
)

// Options say how ledgers are reached.
type Options struct {
	// TrustFile holds the authorities of ledgers (PEM); those of the system if it is empty.
	TrustFile string
	// Token gives the bearer token for ledgers.
	Token func() (string, error)
	// Granted tells that a manager sends a grant with its updates, which ledgers want to see. Without, only a ledger with a
	// development token answers.
	Granted bool
	// Ledgers gives the ledgers to follow for a bundle; nil for those that it names.
	Ledgers func(*ir.Bundle) []ir.Ledger
	// Credentials keeps the values that come with updates; nil keeps none.
	Credentials *credential.Store
	// Logger is nil for slog.Default().
	Logger *slog.Logger
}

// Follower turns updates into the state that a proxy serves by.
type Follower struct {
	Options
	ctx     context.Context //nolint:containedctx // feeds live as long as the follower
	group   *errgroup.Group
	current *proxy.Current

	mu         sync.Mutex
	grant      string
	generation int64
	feeds      map[ir.Ledger]*feed
}

// feed is one ledger that is followed.
type feed struct {
	*ledger.Feed
	stop  context.CancelFunc
	mu    sync.Mutex
	wants interest
}

// interest is what a ledger is asked for: purposes, and those of them for which times count. Bound is how old its facts may be; the ledger
// is told, so that it knows when a withdrawal is enforced here at the latest.
type interest struct {
	purposes, timed []consent.PurposeID
	bound           time.Duration
}

func (i interest) equal(o interest) bool {
	return slices.Equal(i.purposes, o.purposes) && slices.Equal(i.timed, o.timed) && i.bound == o.bound
}

// New returns a follower that stores states into current. Its feeds run in the group until ctx ends.
func New(ctx context.Context, group *errgroup.Group, current *proxy.Current, o Options) *Follower {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Ledgers == nil {
		o.Ledgers = func(b *ir.Bundle) []ir.Ledger { return b.Ledgers }
	}
	return &Follower{Options: o, ctx: ctx, group: group, current: current, feeds: map[ir.Ledger]*feed{}}
}

// Apply takes an update into force. It must not be called concurrently.
func (f *Follower) Apply(u config.Update) error {
	if u.Grant != "" {
		f.mu.Lock()
		f.grant = u.Grant
		f.mu.Unlock()
	}
	if f.Credentials != nil && u.Credentials != nil {
		f.Credentials.Put(u.Credentials)
		if len(u.Credentials) > 0 { // a stream begins with all of them, which may be none
			f.Logger.Info("credentials have changed", "values", len(u.Credentials))
		}
	}
	if u.Identity != nil {
		f.know(u.Identity)
	}
	if u.Pods != nil {
		f.place(u.Pods)
	}
	if u.Bundle == nil {
		return nil
	}
	if f.Credentials != nil {
		defer func() { f.Credentials.Keep(ir.Values(u.Bundle)) }() // once nothing is decided by the bundle before
	}
	facts := f.follow(u.Bundle)
	f.mu.Lock()
	f.generation = u.Generation
	f.mu.Unlock()
	f.current.Store(&proxy.State{Index: decide.NewIndex(u.Bundle), Generation: u.Generation, Facts: facts})
	f.current.Pods.Store(f.current.Pods.Load().Only(pods.Hosts(u.Bundle)))
	f.Logger.Info("a bundle is in force", "generation", u.Generation, "stored", u.Stored, "mode", u.Bundle.Mode, "purposes", len(u.Bundle.Purposes))
	return nil
}

// place takes into force where pods are.
func (f *Follower) place(sets []pods.Set) {
	before := f.current.Pods.Load()
	now := before.With(time.Now(), sets...)
	f.current.Pods.Store(now)
	if before.Complete() && !now.Complete() {
		f.Logger.Warn("not all pods of a governed Service could be told; connections to addresses that nobody knows are refused", "most", pods.MaxAddresses)
	}
}

// know takes into force who the sidecar is to others, and how those are known that have none.
func (f *Follower) know(who *config.Identity) {
	f.current.Peers.Store(who.Identity)
	if who.TokenIssuer == "" {
		f.current.Tokens.Store(nil)
		return
	}
	keys, err := identity.KeysFromBytes(who.TokenKeys)
	if err != nil {
		f.Logger.Error("the keys of tokens cannot be read; the ones before stay in force", "error", err)
		return
	}
	f.current.Tokens.Store(identity.NewVerifier(time.Now, identity.Issuer{Issuer: who.TokenIssuer, Audience: identity.ProviderAudience, Keys: keys}))
}

// InForce gives the generation in force, 0 before the first, and the feeds by ledger.
func (f *Follower) InForce() (int64, map[ir.Ledger]*ledger.Feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	feeds := make(map[ir.Ledger]*ledger.Feed, len(f.feeds))
	for l, x := range f.feeds {
		feeds[l] = x.Feed
	}
	return f.generation, feeds
}

// follow starts, keeps and stops feeds, so that there is one for each ledger of the bundle.
func (f *Follower) follow(b *ir.Bundle) map[string]proxy.Facts {
	facts := map[string]proxy.Facts{}
	wanted := map[ir.Ledger]bool{}
	b = b.Wanted()
	for _, l := range f.Ledgers(b) {
		wants := interestOf(b, l.Controller)
		wanted[l] = true
		f.mu.Lock()
		x := f.feeds[l]
		f.mu.Unlock()
		switch {
		case x == nil:
			x = f.start(l, wants)
		case x.ask(wants):
			x.Again()
		}
		facts[l.Controller] = x.Feed
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.feeds, func(l ir.Ledger, x *feed) bool {
		if !wanted[l] {
			x.stop()
		}
		return !wanted[l]
	})
	return facts
}

func interestOf(b *ir.Bundle, controller string) (out interest) {
	timed := decide.Timed(b)
	out.bound = time.Duration(b.FreshnessBoundMillis) * time.Millisecond
	for _, p := range b.Purposes {
		if p.Controller != controller || p.Blocked != "" {
			continue
		}
		out.purposes = append(out.purposes, p.Name)
		if slices.Contains(timed, p.Name) {
			out.timed = append(out.timed, p.Name)
		}
	}
	return out
}

func (f *Follower) start(l ir.Ledger, wants interest) *feed {
	ctx, stop := context.WithCancel(f.ctx)
	x := &feed{stop: stop, wants: wants}
	o := ledger.Options{
		URL: l.URL, TrustFile: f.TrustFile, Token: f.Token, Logger: f.Logger,
		Purposes: func() []consent.PurposeID { x.mu.Lock(); defer x.mu.Unlock(); return x.wants.purposes },
		Timed:    func() []consent.PurposeID { x.mu.Lock(); defer x.mu.Unlock(); return x.wants.timed },
		Bound:    func() time.Duration { x.mu.Lock(); defer x.mu.Unlock(); return x.wants.bound },
	}
	if f.Granted {
		o.Grant = func() string { f.mu.Lock(); defer f.mu.Unlock(); return f.grant }
	}
	x.Feed = ledger.New(o)
	f.mu.Lock()
	f.feeds[l] = x
	f.mu.Unlock()
	f.group.Go(func() error { return x.Run(ctx) })
	return x
}

// ask changes what is asked for, and tells whether it was something else before.
func (x *feed) ask(wants interest) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.wants.equal(wants) {
		return false
	}
	x.wants = wants
	return true
}

// Everywhere gives one ledger, at a URL, for each controller of a bundle's purposes, whatever ledgers the bundle names.
func Everywhere(url string) func(*ir.Bundle) []ir.Ledger {
	return func(b *ir.Bundle) []ir.Ledger {
		var out []ir.Ledger
		for _, p := range b.Purposes {
			l := ir.Ledger{Controller: p.Controller, URL: url}
			if p.Controller != "" && !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
		return out
	}
}
