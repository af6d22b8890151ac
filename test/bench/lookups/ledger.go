package lookups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/test/bench/database"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

var purposes = ours.Bundle()

func bundle() *ir.Bundle { return purposes }

// openLedger opens a whole ledger, as the program does, with a population in it.
func openLedger(ctx context.Context, dir, name string, db *database.Server, p people.Population) (*server.Ledger, error) {
	config := filepath.Join(dir, "config.json")
	text, err := json.Marshal(map[string]string{"controller": people.Controller})
	if err := errors.Join(err, os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	logger := slog.New(slog.DiscardHandler)
	now := func() time.Time { return people.Now }
	guard, err := access.Open(access.Options{ConfigFile: config, Every: access.EveryNow, DevToken: token, Now: now, Logger: logger})
	if err != nil {
		return nil, err
	}
	root, err := keys.ParseRoot(ours.Key)
	if err != nil {
		return nil, err
	}
	o := server.Options{Data: filepath.Join(dir, "data"), Root: root, Guard: guard, Now: now, Logger: logger}
	if name == "postgres" {
		dsn, err := db.New()
		if err != nil {
			return nil, err
		}
		o.DatabaseURL = func() (string, error) { return dsn, nil }
	}
	l, err := server.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := fill(ctx, l, p); err != nil || name != "postgres" {
		return l, err
	}
	dsn, err := o.DatabaseURL()
	if err != nil {
		return l, err
	}
	return l, analyze(ctx, dsn)
}

// analyze has the server look at a database that was just filled, as it does by itself within minutes.
func analyze(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `ANALYZE`)
	return errors.Join(err, conn.Close(ctx))
}

// fill imports everybody.
func fill(ctx context.Context, l *server.Ledger, p people.Population) error {
	var batch []store.Append
	for i := range p.Count {
		x := p.Person(i)
		tags, err := l.Keys.Tags(ours.Email(i))
		if err != nil {
			return err
		}
		who := []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}
		for n, s := range x.Standing {
			e := consent.Event{Purpose: people.Purpose(n), Actor: consent.ActorImport}
			switch s {
			case people.Never:
				continue
			case people.Given:
				e.Type, e.Notice, e.Proof, e.Touchpoint = consent.EventGiven, people.Notice(n), consent.ProofMailboxConfirmed, "shop/form"
				e.OccurredAt = people.Now.AddDate(0, 0, -100)
				if n == people.Purposes-1 {
					e.OccurredAt = x.Since
				}
			case people.Withdrawn:
				e.Type = consent.EventWithdrawn
			}
			batch = append(batch, store.Append{Identities: who, Event: e})
		}
		if len(batch) < 2000 && i < p.Count-1 {
			continue
		}
		_, errs, err := l.Store.Append(ctx, batch...)
		if err := errors.Join(append(errs, err)...); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return nil
}

// rightOfLedger tells whether an answer of the ledger decides about the purpose as the population does.
func rightOfLedger(body []byte, allowed bool, purpose int) error {
	var out struct {
		Decisions []struct {
			Purpose consent.PurposeID
			Reason  decide.Reason
		}
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return err
	}
	for _, d := range out.Decisions {
		if d.Purpose == people.Purpose(purpose) && d.Reason.Permits() == allowed {
			return nil
		}
	}
	return fmt.Errorf("the answer is not %v for purpose %d: %s", allowed, purpose, body)
}
