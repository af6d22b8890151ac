package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/erasure"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/server"
)

type serveFlags struct {
	data, databaseURL, state       string
	rootKey, nextRootKey           string
	config, devToken               string
	listen, admin, tlsCert, tlsKey string
	bundle                         string
	manager, managerToken, trust   string
	logLevel                       string
	retainUses                     int
	stopDelay                      time.Duration
	pages                          pagesFlags
	mail                           mailFlags
	limits                         api.Limits
}

func serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the ledger of one controller",
		Long: `Serve the ledger of one controller: events, imports, the consent stream and the usable share.

The data is in an embedded database (--data) for one process, or in PostgreSQL (--database-url-file) for any number of them.

With --pages it also serves what people see: their own page, confirmations, withdrawals, and the forms of touchpoints. That listener is the
one to put behind an ingress.

Purposes and notices, which the usable share needs, come from the manager (--manager) or from a compiled bundle (--bundle). Without
them everything else is served.`,
		Example: `  # on this machine only, without TLS, with a token for development
  optup-ledger keygen --out root.key
  echo '{"controller":"shop-gmbh"}' > config.json
  head -c 24 /dev/urandom | base64 > dev.token
  optup-ledger serve --data ./data --root-key root.key --config config.json --listen 127.0.0.1:8443 --dev-token-file dev.token

  # in a cluster
  optup-ledger serve --data /var/lib/optup --root-key /etc/optup/keys/root --config /etc/optup/config/config.json \
    --tls-cert /etc/optup/tls/tls.crt --tls-key /etc/optup/tls/tls.key \
    --manager https://optup-manager.optup-system.svc:9443 --manager-token /var/run/secrets/optup/manager-token \
    --trust /etc/optup/trust/ca.crt

  # in a cluster, one of several replicas; the file holds postgres://ledger:password@db.shop.svc:5432/ledger?sslmode=verify-full
  optup-ledger serve --database-url-file /etc/optup/database/url --state /var/lib/optup --root-key /etc/optup/keys/root \
    --config /etc/optup/config/config.json --tls-cert /etc/optup/tls/tls.crt --tls-key /etc/optup/tls/tls.key \
    --manager https://optup-manager.optup-system.svc:9443 --manager-token /var/run/secrets/optup/manager-token \
    --trust /etc/optup/trust/ca.crt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.serve(cmd.Context()) },
	}
	v := cmd.Flags()
	v.StringVar(&f.data, "data", "", "directory of the embedded database")
	v.StringVar(&f.databaseURL, "database-url-file", "", "file with the URL of a PostgreSQL database; user and password are read again for each connection")
	v.StringVar(&f.state, "state", "", "directory of the last bundle; the one of --data if left out")
	v.StringVar(&f.rootKey, "root-key", "", "file with the root key (see keygen)")
	v.StringVar(&f.nextRootKey, "next-root-key", "", "file with the root key that takes the place of the other (see rotate-keys); it need not be there")
	v.StringVar(&f.config, "config", "", "file with the controller, token issuers and access; read again when it changes")
	v.StringVar(&f.listen, "listen", ":8443", "address of the API")
	v.StringVar(&f.admin, "admin", ":8081", "address of /healthz, /readyz and /metrics")
	v.StringVar(&f.tlsCert, "tls-cert", "", "certificate (PEM); read again when it changes; only a loopback address does without")
	v.StringVar(&f.tlsKey, "tls-key", "", "private key of the certificate (PEM)")
	v.StringVar(&f.bundle, "bundle", "", "compiled bundle with purposes and notices, instead of a manager; read again when it changes")
	v.StringVar(&f.manager, "manager", "", "URL of the manager's config stream")
	v.StringVar(&f.managerToken, "manager-token", "", "file with the token for the manager")
	v.StringVar(&f.trust, "trust", "", "file with the authorities (PEM) of the manager")
	v.StringVar(&f.devToken, "dev-token-file", "", "file with a token that has every role; for development, on a loopback address only")
	v.IntVar(&f.retainUses, "retain-uses-days", 1830, "for how many days use records are kept; 0 for ever. Five years prove telephone marketing (UWG §7a)")
	for name, l := range map[string]struct {
		to   *int
		of   int
		what string
	}{
		"events":    {&f.limits.Events, api.DefaultLimits.Events, "single events"},
		"imports":   {&f.limits.Imports, api.DefaultLimits.Imports, "files"},
		"lookups":   {&f.limits.Lookups, api.DefaultLimits.Lookups, "questions about single people"},
		"questions": {&f.limits.Questions, api.DefaultLimits.Questions, "AuthZEN questions of a workload"},
		"forms":     {&f.limits.Forms, api.DefaultLimits.Forms, "forms of somebody else for a touchpoint"},
	} {
		v.IntVar(l.to, "max-"+name, l.of, "how many "+l.what+" one caller may send in a minute; 0 for no limit")
	}
	v.DurationVar(&f.stopDelay, "stop-delay", 0, "how long to serve on after a signal to stop, without being ready: long enough for balancers to look away")
	f.pages.add(v)
	f.mail.add(v)
	v.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	for _, name := range []string{"root-key", "config"} {
		_ = cmd.MarkFlagRequired(name) // fails for unknown flags only
	}
	cmd.MarkFlagsOneRequired("data", "database-url-file")
	cmd.MarkFlagsMutuallyExclusive("data", "database-url-file")
	cmd.MarkFlagsMutuallyExclusive("bundle", "manager")
	cmd.MarkFlagsRequiredTogether("manager", "manager-token", "trust")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	return cmd
}

// check refuses what would let the ledger be reached unprotected.
func (f *serveFlags) check() error {
	if f.stopDelay < 0 || f.stopDelay > time.Minute {
		return errors.New("--stop-delay is at most one minute, for example 5s")
	}
	if f.retainUses < 0 {
		return errors.New("--retain-uses-days is a number of days, or 0 to keep use records for ever")
	}
	if min(f.limits.Events, f.limits.Imports, f.limits.Lookups, f.limits.Questions, f.limits.Forms) < 0 {
		return errors.New("--max-events, --max-imports, --max-lookups, --max-questions and --max-forms are numbers for each minute, or 0 for no limit")
	}
	if f.state == "" {
		f.state = f.data
	}
	if f.state == "" && f.manager != "" {
		return errors.New("--state is needed with --database-url-file and --manager: a directory in which the last bundle survives a restart")
	}
	if err := f.pages.check(f.tlsCert != ""); err != nil {
		return err
	}
	if _, err := f.mail.sender(f.pages.publicURL); err != nil {
		return err
	}
	if access.Loopback(f.listen) {
		return nil
	}
	switch {
	case f.devToken != "":
		return errors.New("--dev-token-file needs a loopback address in --listen, such as 127.0.0.1:8443: its token has every role")
	case f.tlsCert == "":
		return errors.New("--tls-cert and --tls-key are needed unless --listen is a loopback address")
	}
	return nil
}

func (f *serveFlags) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, errors.New("--log-level is debug, info, warn or error")
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})), nil
}

func (f *serveFlags) guard(log *slog.Logger) (*access.Guard, error) {
	o := access.Options{ConfigFile: f.config, Every: access.EveryNow, Now: time.Now, Logger: log}
	if f.devToken != "" {
		token, err := os.ReadFile(f.devToken)
		if err != nil {
			return nil, fmt.Errorf("the development token cannot be read: %w", err)
		}
		if o.DevToken = string(bytes.TrimSpace(token)); o.DevToken == "" {
			return nil, errors.New("the file of the development token is empty")
		}
		log.Warn("a development token with every role is accepted from this machine")
	}
	return access.Open(o)
}

// url gives the database URL; nil without one.
func (f *serveFlags) url() func() (string, error) {
	if f.databaseURL == "" {
		return nil
	}
	return urlIn(f.databaseURL)
}

// serve wires what the flags name.
func (f *serveFlags) serve(ctx context.Context) error {
	if err := f.check(); err != nil {
		return err
	}
	log, err := f.logger()
	if err != nil {
		return err
	}
	guard, err := f.guard(log)
	if err != nil {
		return err
	}
	root, err := keys.ReadRoot(f.rootKey)
	if err != nil {
		return err
	}
	next, err := nextRoot(f.nextRootKey)
	if err != nil {
		return err
	}
	l, err := server.Open(ctx, server.Options{Data: f.data, DatabaseURL: f.url(), Root: root, Next: next, Guard: guard, Now: time.Now, Logger: log})
	if err != nil {
		return advised(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			log.Error("the database could not be closed", "error", err)
		}
	}()
	bundles, err := f.bundles(log, guard.Config().Controller)
	if err != nil {
		return err
	}
	m, stopping := newMetrics(l, bundles), &atomic.Bool{}
	s := &servers{
		log: log, flags: f, stopping: stopping, admin: adminHandler(m, l.Store, l.Stream, stopping),
		retention: retention{store: l.Store, days: f.retainUses, log: log},
		eraser:    &erasure.Eraser{Store: l.Store, Bundle: bundles.get, Now: time.Now, Logger: log},
	}
	if err := f.people(l, bundles, m, s); err != nil {
		return err
	}
	head, err := l.Store.Head(ctx)
	if err != nil {
		return err
	}
	log.Info("the ledger starts", "controller", guard.Config().Controller, "listen", f.listen, "admin", f.admin, "epoch", head.Epoch,
		"position", head.Position, "key", l.Keys.ID(), "version", version())
	return s.run(ctx, bundles)
}

// people sets up what is served, and whatever reaches people: links, pages and mails.
func (f *serveFlags) people(l *server.Ledger, bundles *bundles, m *metrics, s *servers) error {
	confirming, err := f.pages.confirming(l, bundles.get)
	if err != nil {
		return err
	}
	served := server.Served{Limits: &f.limits, Bundle: bundles.get, Generation: bundles.generation.Load, Observe: m.observe, Appended: m.appended, UsesTaken: m.uses.taken}
	public := server.Public{Confirm: confirming, Bundle: bundles.get, Observe: m.observe, Appended: m.appended}
	if confirming != nil {
		served.Withdrawals = confirming
		if s.outbox, err = f.mail.outbox(f.pages.publicURL, confirming, l.Store, m.registry); err != nil {
			return err
		}
	}
	if s.outbox != nil {
		served.Confirmer = server.Confirmer{Service: confirming}
		public.Confirmer = served.Confirmer
	} else if f.pages.listen != "" {
		s.log.Warn("no mail server: nobody can confirm, or get a link to their page; give --smtp-server")
	}
	s.api = l.Server(served)
	s.pages, err = f.pages.server(l, public)
	return err
}
