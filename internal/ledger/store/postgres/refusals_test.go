package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

func nameOf(t *testing.T, url string) string {
	t.Helper()
	c, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return c.Database
}

// readable checks that a store that cannot write is still there for everybody else.
func readable(t *testing.T, s *Store, want consent.Position) {
	t.Helper()
	if h, err := s.Head(t.Context()); err != nil || h.Position != want {
		t.Errorf("head %+v, %v", h, err)
	}
	if r, err := s.Lookup(t.Context(), storetest.Tag(1)); err != nil || len(r.Grants) == 0 {
		t.Errorf("record %+v, %v", r, err)
	}
	people := 0
	if _, err := s.Snapshot(t.Context(), func(store.Person) error { people++; return nil }); err != nil || people == 0 {
		t.Errorf("a snapshot of %d people, %v", people, err)
	}
}

func TestAReadOnlyDatabaseSaysSo(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	s := open(t, url)
	appended(t, s, storetest.Given(1))
	name := nameOf(t, url)
	server.Exec(t, "postgres", `ALTER DATABASE `+name+` SET default_transaction_read_only = on`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`'`)
	for deadline := time.Now().Add(patience); ; {
		if _, _, err := s.Append(t.Context(), storetest.Given(1)); errors.Is(err, store.ErrReadOnly) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("err = %v, want ErrReadOnly", err)
		}
	}
	readable(t, open(t, url), 1) // a replica that starts now, too
	server.Exec(t, "postgres", `ALTER DATABASE `+name+` RESET default_transaction_read_only`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`'`)
	if r, ok := appended(t, s, storetest.Given(1)); !ok || r.Position != 2 {
		t.Fatal(r)
	}
}

// TestAFullDatabaseSaysSo needs root to make a disk that is small enough.
func TestAFullDatabaseSaysSo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk is mounted for this test, which needs root")
	}
	server := postgres.Start(t)
	disk := server.Folder(t, "disk")
	var owned syscall.Stat_t
	if err := syscall.Stat(disk, &owned); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=24m,mode=0700,uid=%d", owned.Uid)); err != nil {
		t.Skip("a small disk cannot be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	server.Exec(t, "postgres", `CREATE TABLESPACE small LOCATION '`+disk+`'`, `CREATE DATABASE small TABLESPACE small`)
	s := open(t, server.DSN("small"))
	storetest.Full(t, s, func() func() {
		fill := filepath.Join(disk, "fill")
		f, err := os.Create(fill)
		for block := make([]byte, 64<<10); err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		_ = f.Close()
		return func() {
			if err := os.Remove(fill); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAServerThatLosesWhatItAcknowledgesIsRefused(t *testing.T) {
	server := postgres.Start(t, "fsync=off")
	if _, err := Open(t.Context(), options(t, server.DSN("postgres"))); err == nil || !strings.Contains(err.Error(), "set fsync=on") {
		t.Fatalf("err = %v", err)
	}
}

// TestAppendsAreDurableWhateverTheServerPrefers: a server, database or role may have a weaker synchronous_commit; remote_apply is stronger.
func TestAppendsAreDurableWhateverTheServerPrefers(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	for setting, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
		s := open(t, url+"?synchronous_commit="+setting)
		tx, err := (&database{pool: s.appender}).Begin(t.Context())
		if err == nil {
			_, err = tx.Head(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := tx.(*transaction).conn.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&got); err != nil || got != want {
			t.Errorf("with %s it is %s, want %s; %v", setting, got, want, err)
		}
		tx.Rollback()
		_ = s.Close()
	}
}

// TestPasswordsAreNeverTold: nothing that goes wrong with a database URL quotes it.
func TestPasswordsAreNeverTold(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	const secret = "s3cr3t-of-this-test"
	for name, bad := range map[string]string{
		"a wrong password":  strings.Replace(url, server.Password, secret, 1),
		"no such host":      "postgres://ledger:" + secret + "@nowhere.invalid/ledger",
		"nobody listens":    "postgres://ledger:" + secret + "@127.0.0.1:1/ledger",
		"a broken port":     "postgres://ledger:" + secret + "@127.0.0.1:port/ledger",
		"an unescaped sign": "postgres://ledger:%" + secret + "@127.0.0.1/ledger",
		"another spelling":  "host=127.0.0.1 port=1 password='" + secret + " user=x",
		"a broken setting":  "postgres://ledger:" + secret + "@127.0.0.1/ledger?sslmode=perhaps",
		"no such database":  strings.Replace(url, "/t_", "/no_"+secret[:2], 1),
		"an unknown scheme": "mysql://ledger:" + secret + "@127.0.0.1/ledger",
	} {
		var log strings.Builder
		o := options(t, bad)
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		s, err := Open(t.Context(), o)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: it was opened", name)
			continue
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), log.String()} {
			if strings.Contains(text, secret) || strings.Contains(text, server.Password) {
				t.Errorf("%s: the password is told: %s", name, text)
			}
		}
	}
}

// TestAPasswordMayChange: connections that come later take what the file says by then.
func TestAPasswordMayChange(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	name := nameOf(t, url)
	role := "r_" + name
	server.Exec(t, name, `CREATE ROLE `+role+` LOGIN PASSWORD 'first'`, `GRANT CREATE ON SCHEMA public TO `+role, `GRANT CREATE ON DATABASE `+name+` TO `+role)
	t.Cleanup(func() { server.Exec(t, "postgres", `DROP ROLE `+role) })
	t.Cleanup(func() { server.Exec(t, name, `DROP OWNED BY `+role) })
	var password atomic.Value // connections are made at any time
	password.Store("first")
	o := options(t, "")
	o.URL = func() (string, error) { return server.As(role, password.Load().(string), name), nil }
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	appended(t, s, storetest.Given(1))
	password.Store("second")
	server.Exec(t, name, `ALTER ROLE `+role+` PASSWORD 'second'`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '`+role+`'`)
	if r, ok := appended(t, s, storetest.Given(1)); !ok || r.Position != 2 {
		t.Fatal(r)
	}
}

// TestAMigratedDatabaseNeedsFewRights: with the schema there, a ledger runs as a role that owns nothing.
func TestAMigratedDatabaseNeedsFewRights(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	if err := open(t, url).Close(); err != nil {
		t.Fatal(err)
	}
	name := nameOf(t, url)
	role := "r_" + name
	server.Exec(t, name, `CREATE ROLE `+role+` LOGIN PASSWORD 'x'`, `GRANT USAGE ON SCHEMA public, optup_keys TO `+role,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, optup_keys TO `+role)
	t.Cleanup(func() { server.Exec(t, "postgres", `DROP ROLE `+role) })
	t.Cleanup(func() { server.Exec(t, name, `DROP OWNED BY `+role) })
	s := open(t, server.As(role, "x", name))
	defer s.Close()
	append1(t, s, withEvidence(1))
	readable(t, s, 1)
}

func TestChangesComeBackAsTheyWere(t *testing.T) {
	in := []store.Change{
		{Event: consent.Event{Position: 7, Type: consent.EventGiven, At: time.Unix(1, 2).UTC()}, Hashed: true, Root: [32]byte{1}, People: []store.Person{
			{Group: 3, Type: consent.IdentifierEmail, Tags: []consent.Tag{storetest.Tag(1), storetest.Tag(2)}, Record: &consent.Record{Position: 7}},
			{Group: 3, Record: &consent.Record{Position: 5}},
		}},
		{Event: consent.Event{Position: 8, Type: consent.EventAsked}},
	}
	events := make([]journal.Event, len(in))
	for i := range in {
		var err error
		if events[i].Entry, err = store.EncodeEntry(in[i].Event, storetest.Given(1).Identities); err != nil {
			t.Fatal(err)
		}
	}
	body, err := encodeChanges(nil, in, events, &encoder{})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{body, pack(nil, body), pack([]byte("before"), body)[len("before"):]} {
		out, err := decodeChanges(body)
		if err != nil || len(out) != 2 || describe(out[0]) != describe(in[0]) || describe(out[1]) != describe(in[1]) {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	for n := range body {
		if out, err := decodeChanges(body[:n]); err == nil && len(out) != 0 && describe(out[0]) != describe(in[0]) {
			t.Fatalf("%d of %d bytes are read as %+v", n, len(body), out)
		}
	}
}
