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
	const peer = "tables of PostgreSQL, pgx"
	var all []harness.Row
	for _, name := range []string{"sqlite", "postgres"} {
		all = append(all,
			harness.Row{ID: "lookups." + name, What: "a person's state over HTTP, " + name, Unit: "us/request", Peer: peer, Must: harness.AtMost(1.0 / 3)},
			harness.Row{ID: "lookups." + name + shared, What: "the same, all cores shared with the client", Unit: "us/request", Peer: peer})
	}
	return harness.Suite{Name: "lookups", Rows: all, Measure: measure}
}

// shared ends the names of rows in which nobody is bound to a core.
const shared = ".shared"

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (_ map[string]harness.Samples, err error) {
	w := &world{env: env, people: people.Population{Count: env.Size(10_000, 200), Seed: env.Seed, Expiring: people.Expiring}}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.open(ctx, asked); err != nil {
		return nil, err
	}
	out := map[string]harness.Samples{}
	if err := w.turns(ctx, shared, out); err != nil {
		return out, err
	}
	err = w.client.apart()
	if err == nil {
		err = w.turns(ctx, "", out)
	}
	return out, errors.Join(err, w.client.together())
}

// world is what the rows share.
type world struct {
	env    *harness.Env
	people people.Population
	client *client
	// sides are ours, and the tables last.
	sides   []harness.Side
	closing []func() error
}

func (w *world) close() (err error) {
	for i := len(w.closing) - 1; i >= 0; i-- {
		err = errors.Join(err, w.closing[i]())
	}
	return err
}

func (w *world) open(ctx context.Context, asked harness.Asked) error {
	db, err := database.Start(64 + connections)
	if err != nil {
		return err
	}
	w.closing = append(w.closing, func() error { db.End(); return nil })
	if w.client, err = startClient(ctx); err != nil {
		return err
	}
	w.closing = append(w.closing, w.client.stop)
	for _, name := range []string{"sqlite", "postgres"} {
		if !asked.Any("lookups."+name, "lookups."+name+shared) {
			continue
		}
		w.env.Say("lookups: a ledger of %d people, %s", w.people.Count, name)
		l, err := openLedger(ctx, filepath.Join(w.env.Dir, "lookups", name), name, db, w.people)
		if err != nil {
			return err
		}
		w.closing = append(w.closing, l.Close)
		// The limit is there, but so high that one caller never meets it.
		served := server.Served{Bundle: bundle, Limits: &api.Limits{Lookups: 1 << 30}}
		if err := w.add(name, l.Server(served), rightOfLedger); err != nil {
			return err
		}
	}
	dsn, err := db.New()
	if err != nil {
		return err
	}
	t, err := openTables(ctx, dsn, w.people)
	if t != nil {
		w.closing = append(w.closing, func() error { t.pool.Close(); return nil })
	}
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/people/lookup", t)
	return w.add("tables", &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, rightOfTables)
}

// add serves one side.
func (w *world) add(name string, s *http.Server, right func(body []byte, allowed bool, purpose int) error) error {
	at, err := w.client.begin(s, w.people, right)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	w.closing = append(w.closing, s.Close)
	w.sides = append(w.sides, harness.Side{Name: name, Run: func(int) (float64, error) {
		return w.client.do(order{Ask: at, Many: w.env.Size(10_000, 200)})
	}})
	return nil
}

func (w *world) turns(ctx context.Context, suffix string, out map[string]harness.Samples) error {
	got, err := harness.Turns(ctx, w.env.Rounds, w.sides...)
	if err != nil {
		return err
	}
	last := len(got) - 1
	for i, side := range w.sides[:last] {
		out["lookups."+side.Name+suffix] = harness.Samples{Ours: got[i], Peer: got[last], Absolutes: map[string]float64{
			"requests/s": 1e6 / harness.Median(got[i]), "requests/s, peer": 1e6 / harness.Median(got[last]),
		}}
	}
	return nil
}

// begin serves, checks the first answers, and has the client connect. It gives the address of the server.
func (c *client) begin(s *http.Server, p people.Population, right func([]byte, bool, int) error) (string, error) {
	at, err := serve(s)
	if err != nil {
		return "", err
	}
	questions := p.Questions(1 << 14)
	var bodies []string
	for _, q := range questions {
		text, err := json.Marshal(map[string]consent.Identifier{"identifier": ours.Email(q.Person)})
		if err != nil {
			return "", err
		}
		bodies = append(bodies, string(text))
	}
	l, err := dial(at, 1, bodies)
	if err != nil {
		return "", err
	}
	defer l.close()
	for i, q := range questions[:100] {
		body, err := l.conns[0].ask(l.requests[i])
		if err == nil {
			err = right(body, p.Right(q), q.Purpose)
		}
		if err != nil {
			return "", err
		}
	}
	_, err = c.do(order{Connect: at, Questions: bodies})
	return at, err
}
