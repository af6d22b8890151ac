package lookups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/test/bench/database"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// connections of the client, and of the peer to its database.
const connections = 16

// Suite measures a person's state by API.
func Suite() harness.Suite {
	row := func(name string) harness.Row {
		return harness.Row{
			ID: "lookups." + name, What: "a person's state over HTTP, " + name, Unit: "us/request", Peer: "tables of PostgreSQL, pgx", Must: harness.AtMost(1.0 / 3),
		}
	}
	return harness.Suite{Name: "lookups", Rows: []harness.Row{row("sqlite"), row("postgres")}, Measure: measure}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (_ map[string]harness.Samples, err error) {
	p := people.Population{Count: env.Size(10_000, 200), Seed: env.Seed, Expiring: people.Expiring}
	var closing []func() error
	defer func() {
		for i := len(closing) - 1; i >= 0; i-- {
			err = errors.Join(err, closing[i]())
		}
	}()
	db, err := database.Start(64 + connections)
	if err != nil {
		return nil, err
	}
	closing = append(closing, func() error { db.End(); return nil })
	var names []string
	var sides []harness.Side
	add := func(name string, s *http.Server, right func(body []byte, allowed bool, purpose int) error) error {
		l, err := begin(s, p, right)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		closing = append(closing, func() error { l.close(); return s.Close() })
		names = append(names, name)
		sides = append(sides, harness.Side{Name: name, Run: func(int) (float64, error) { return l.run(env.Size(10_000, 200)) }})
		return nil
	}
	for _, name := range []string{"sqlite", "postgres"} {
		if !asked("lookups." + name) {
			continue
		}
		env.Say("lookups: a ledger of %d people, %s", p.Count, name)
		l, err := openLedger(ctx, filepath.Join(env.Dir, "lookups", name), name, db, p)
		if err != nil {
			return nil, err
		}
		closing = append(closing, l.Close)
		// The limit is there, but so high that one caller never meets it.
		served := server.Served{Bundle: bundle, Limits: &api.Limits{Lookups: 1 << 30}}
		if err := add(name, l.Server(served), rightOfLedger); err != nil {
			return nil, err
		}
	}
	dsn, err := db.New()
	if err != nil {
		return nil, err
	}
	t, err := openTables(ctx, dsn, p)
	if t != nil {
		closing = append(closing, func() error { t.pool.Close(); return nil })
	}
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/people/lookup", t)
	if err := add("tables", &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, rightOfTables); err != nil {
		return nil, err
	}
	got, err := harness.Turns(ctx, env.Rounds, sides...)
	if err != nil {
		return nil, err
	}
	out := map[string]harness.Samples{}
	tables := got[len(got)-1]
	for i, name := range names[:len(names)-1] {
		out["lookups."+name] = harness.Samples{Ours: got[i], Peer: tables, Absolutes: map[string]float64{
			"requests/s": 1e6 / harness.Median(got[i]), "requests/s, peer": 1e6 / harness.Median(tables),
		}}
	}
	return out, nil
}

// begin serves, connects, and checks the first answers, of all connections: one on which nothing was ever asked is soon closed.
func begin(s *http.Server, p people.Population, right func([]byte, bool, int) error) (*load, error) {
	at, err := serve(s)
	if err != nil {
		return nil, err
	}
	questions := p.Questions(1 << 14)
	var bodies []string
	for _, q := range questions {
		text, err := json.Marshal(map[string]consent.Identifier{"identifier": ours.Email(q.Person)})
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, string(text))
	}
	l, err := dial(at.address, connections, bodies)
	if err != nil {
		return nil, err
	}
	for i, q := range questions[:100] {
		body, err := l.conns[i%connections].ask(l.requests[i])
		if err == nil {
			err = right(body, p.Right(q), q.Purpose)
		}
		if err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}
