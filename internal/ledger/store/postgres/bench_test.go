package postgres

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

// BenchmarkAppend compares durable appends, with idempotency key and proof, with what an application without a ledger does on the same
// server: one INSERT for each event, each in a transaction of its own, from as many connections as there are writers. The numbers of such
// rows have gaps and do not follow the commits, so nobody can follow them as a log; rows in order do without either.
func BenchmarkAppend(b *testing.B) {
	server := postgres.Start(b, "max_connections=300")
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("ledger/%d writers", writers), func(b *testing.B) {
			s, err := Open(b.Context(), Options{URL: at(server.Database(b)), KeyID: "key-1", Wrapping: wrapping, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var people atomic.Int64
			spread(b, writers, func(int) (func() error, error) {
				return func() error {
					a := storetest.Given(int(people.Add(1)))
					a.Key = rand.Text()
					_, errs, err := s.Append(b.Context(), a)
					return errors.Join(append(errs, err)...)
				}, nil
			})
		})
	}
	b.Run("rows/256 writers", func(b *testing.B) {
		benchmarkRows(b, server, 256, `INSERT INTO consents (key, person, event) VALUES ($1, $2, $3)`)
	})
	b.Run("rows in order/256 writers", func(b *testing.B) {
		benchmarkRows(b, server, 256, `WITH next AS (UPDATE places SET last = last + 1 RETURNING last)
			INSERT INTO consents (id, key, person, event) SELECT last, $1, $2, $3 FROM next`)
	})
}

func benchmarkRows(b *testing.B, server *postgres.Server, writers int, insert string) {
	url := server.Database(b)
	setup, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer setup.Close(b.Context())
	if _, err := setup.Exec(b.Context(), `CREATE TABLE consents (id bigserial PRIMARY KEY, key text UNIQUE NOT NULL, person bytea NOT NULL, event bytea NOT NULL);
		CREATE INDEX ON consents (person); CREATE TABLE places (last bigint NOT NULL) WITH (fillfactor = 20); INSERT INTO places VALUES (0)`); err != nil {
		b.Fatal(err)
	}
	var people atomic.Int64
	spread(b, writers, func(int) (func() error, error) {
		conn, err := pgx.Connect(b.Context(), url)
		if err != nil {
			return nil, err
		}
		b.Cleanup(func() { _ = conn.Close(b.Context()) })
		return func() error {
			a := storetest.Given(int(people.Add(1)))
			event, err := json.Marshal(a.Event)
			if err != nil {
				return err
			}
			person := binary.BigEndian.AppendUint64(make([]byte, 8), uint64(people.Load()))
			_, err = conn.Exec(b.Context(), insert, rand.Text(), person, event)
			return err
		}, nil
	})
}

// spread runs b.N operations from some writers at the same time.
func spread(b *testing.B, writers int, writer func(n int) (func() error, error)) {
	ops := make([]func() error, writers)
	for i := range ops {
		var err error
		if ops[i], err = writer(i); err == nil {
			err = ops[i]() // what is prepared once is prepared now
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, op := range ops {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := op(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

var _ store.Store = (*Store)(nil)
