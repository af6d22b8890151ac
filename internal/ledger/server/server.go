package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/funnel"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/recall"
	"github.com/optup/optup/internal/ledger/rekey"
	"github.com/optup/optup/internal/ledger/share"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/postgres"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/stream"
	"github.com/optup/optup/internal/ledger/wire"
)

// Options say what a ledger is made of.
type Options struct {
	// Data is the directory of an embedded database. DatabaseURL, if set, leads to a PostgreSQL database instead, which other processes may
	// share; it is asked again for each new connection.
	Data        string
	DatabaseURL func() (string, error)
	// Root is the root key, and Next one that takes its place, or is about to; nil for none.
	Root keys.Root
	Next *keys.Root
	// Settled is that of rekey.Options; 0 for the default.
	Settled time.Duration
	// Guard says whose ledger it is and who may call.
	Guard *access.Guard
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
}

// Ledger is an open ledger, which nobody serves yet.
type Ledger struct {
	Options
	Store store.Store
	Hub   *stream.Hub
	Keys  *keys.Stream
	// Secrets are keys that never leave the ledger.
	Secrets *keys.Secrets
	// Stream answers subscribers and pings.
	Stream *stream.Server
	// Signer signs checkpoints and receipts.
	Signer *keys.Signer
	// Funnel counts what becomes of asking.
	Funnel *funnel.Funnel
	// Share counts for whom data may be used, once there is a bundle.
	Share *share.Keeper
	// Rekey sees to the change of keys.
	Rekey   *rekey.Keeper
	answers *api.Answers
	// served is what Server was given.
	served atomic.Pointer[Served]
	stop   func()
	close  func() error
}

// Open opens or creates the database, for the controller that the guard's configuration names.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	all, err := o.keys(ctx)
	if err != nil {
		return nil, err
	}
	key, signer, secrets := all.Stream, all.Signer, all.Secrets
	db, err := o.open(ctx, all)
	if err != nil {
		return nil, err
	}
	answers, err := api.NewAnswers(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	hub := stream.NewHub(recall.Tell(db, answers.Changed), o.Logger)
	l := &Ledger{Options: o, Store: db, Hub: hub, Keys: key, Secrets: secrets, Signer: signer, answers: answers}
	l.Stream = stream.NewServer(stream.Options{
		Store: db, Hub: l.Hub, Guard: o.Guard, Keys: key, Signer: signer, Alone: o.DatabaseURL == nil, Now: o.Now, Logger: o.Logger,
	})
	l.Funnel = funnel.New(db, l.Hub, o.Logger)
	counting, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); l.Funnel.Run(counting) }()
	l.close = func() error {
		stop()
		<-done
		return db.Close()
	}
	l.Share = share.New(share.Options{
		Source: share.From(db), Changes: l.Hub.Tap(), Bundle: l.bundle, Declared: func() int64 { return o.Guard.Config().Population.Registered() }, Now: o.Now, Logger: o.Logger,
	})
	if others, ok := db.(store.Replicas); ok {
		if err := l.Stream.Meet(ctx, others); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	l.Rekey = rekey.New(rekey.Options{Store: db, Keys: key, Rekey: l.Stream.Rekey, Now: o.Now, Logger: o.Logger, Settled: o.Settled})
	l.count()
	return l, nil
}

// keys gives the keys that the database asks for.
func (o *Options) keys(ctx context.Context) (keys.All, error) {
	var kept []store.RootKey
	var err error
	if o.DatabaseURL == nil {
		kept, err = sqlite.RootKeys(ctx, o.Data)
	} else {
		kept, err = postgres.RootKeys(ctx, o.DatabaseURL)
	}
	if err != nil {
		return keys.All{}, err
	}
	return keys.Derive(o.Root, o.Next, o.Guard.Config().Controller, kept)
}

func (o *Options) open(ctx context.Context, all keys.All) (db store.Store, err error) {
	complete := journal.Completing(all.Stream.Complete)
	if o.DatabaseURL == nil {
		db, err = sqlite.Open(ctx, o.Data, all.Stream.ID(), all.Secrets.Wrapping(), o.Now, complete)
	} else {
		db, err = postgres.Open(ctx, postgres.Options{
			URL: o.DatabaseURL, KeyID: all.Stream.ID(), Wrapping: all.Secrets.Wrapping(), Now: o.Now, Logger: o.Logger,
		}, complete)
	}
	if err != nil {
		return nil, err
	}
	head, err := db.Head(ctx)
	if err == nil {
		_, err = all.Stream.Follow(head.Scheme)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// count has people counted, and keys changed, until the ledger is closed.
func (l *Ledger) count() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		var both sync.WaitGroup
		both.Go(func() { _ = l.Share.Run(ctx) }) // they fail never
		both.Go(func() { _ = l.Rekey.Run(ctx) })
		both.Go(func() { l.Stream.Report(ctx) })
		both.Wait()
	}()
	l.stop = func() { cancel(); <-done }
}

// bundle is what is served from, with its generation.
func (l *Ledger) bundle() (*ir.Bundle, int64) {
	s := l.served.Load()
	if s == nil {
		return nil, 0
	}
	b := s.Bundle()
	if s.Generation == nil {
		return b, 0
	}
	return b, s.Generation()
}

// Served says what the API is given besides.
type Served struct {
	// Bundle gives the purposes and notices of the ledger's controller; nil while there are none.
	Bundle func() *ir.Bundle
	// Confirmer is that of api.Options; nil where nobody can be asked to confirm.
	Confirmer asking.Confirmer
	// Generation is that of the bundle; it may be nil.
	Generation func() int64
	// Withdrawals is that of api.Options; nil where the ledger has no public address.
	Withdrawals api.Withdrawals
	// Limits are those of api.Options; nil for api.DefaultLimits.
	Limits *api.Limits
	// Observe and Appended are those of api.Options; both may be nil.
	Observe  func(route string, status int, took time.Duration)
	Appended func(event, outcome string)
	// UsesTaken is that of api.Options; it may be nil.
	UsesTaken func(taken []wire.Decided, refused int, lost uint64, replayed bool)
}

// Server returns an HTTP server of the API, whose streams end when it is shut down.
func (l *Ledger) Server(s Served) *http.Server {
	if s.Bundle == nil {
		s.Bundle = func() *ir.Bundle { return nil }
	}
	if s.Limits == nil {
		s.Limits = &api.DefaultLimits
	}
	l.served.Store(&s)
	h := api.New(api.Options{
		Store:       l.Store,
		Answers:     l.answers,
		Guard:       l.Guard,
		Keys:        l.Keys,
		Signer:      l.Signer,
		Confirmer:   s.Confirmer,
		Withdrawals: s.Withdrawals,
		Limits:      *s.Limits,
		Funnel:      l.Funnel.Counted,
		Bundle:      s.Bundle,
		Now:         l.Now,
		Logger:      l.Logger,
		Observe:     s.Observe,
		Appended:    s.Appended,
		UsesTaken:   s.UsesTaken,
		Stream:      l.Stream,
		Share:       l.Share,
	})
	// No timeouts for whole requests: streams last. Handlers set deadlines of their own.
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(l.Logger.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(l.Hub.Close)
	return srv
}

// Close ends streams and closes the database. What was acknowledged is stored already.
func (l *Ledger) Close() error {
	l.Hub.Close()
	l.stop()
	return l.close()
}
