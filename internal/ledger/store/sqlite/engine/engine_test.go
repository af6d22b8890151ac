package engine_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lib "modernc.org/sqlite/lib"

	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

func open(t *testing.T, first ...string) *engine.Conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := engine.Open(path, append([]string{`CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB, words TEXT UNIQUE)`}, first...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func prepare(t *testing.T, c *engine.Conn, sql string) *engine.Stmt {
	t.Helper()
	s, err := c.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWhatIsWrittenIsRead, whatever was set before: shorter, longer, of another kind, or nothing.
func TestWhatIsWrittenIsRead(t *testing.T) {
	c := open(t)
	add, read := prepare(t, c, `INSERT INTO rows VALUES (?, ?, ?)`), prepare(t, c, `SELECT id, bytes, words, typeof(bytes), typeof(words) FROM rows ORDER BY id`)
	long := bytes.Repeat([]byte("long\x00"), 1000)
	all := []struct {
		bytes, words any
		kinds        string
	}{
		{[]byte("ab"), "one", "blob text"},
		{[]byte("cd"), "two", "blob text"},
		{long, strings.Repeat("w", 3000), "blob text"},
		{[]byte{}, "", "blob text"},
		{nil, nil, "null null"},
		{[]byte("ef"), "six", "blob text"},
		{"text", []byte("seven"), "text blob"},
		{[]byte("text"), "seven", "blob text"},
		{int64(-5), "nine", "integer text"},
		{[]byte("12"), "ten", "blob text"},
	}
	for i, row := range all {
		if err := errors.Join(add.Set(int64(i), row.bytes, row.words), add.Run()); err != nil {
			t.Fatal(i, err)
		}
	}
	for i, row := range all {
		there, err := read.Step()
		if err != nil || !there {
			t.Fatal(i, there, err)
		}
		kinds := string(read.Blob(3)) + " " + string(read.Blob(4))
		if read.Number(0) != int64(i) || kinds != row.kinds || !same(read, 1, row.bytes) || !same(read, 2, row.words) {
			t.Errorf("row %d is %q, %q of %s; want %q, %q of %s", i, read.Blob(1), read.Blob(2), kinds, row.bytes, row.words, row.kinds)
		}
	}
	if there, err := read.Step(); there || err != nil {
		t.Error(there, err)
	}
}

func same(s *engine.Stmt, column int, want any) bool {
	switch want := want.(type) {
	case string:
		return string(s.Blob(column)) == want
	case []byte:
		return bytes.Equal(s.Blob(column), want)
	case int64:
		return s.Number(column) == want
	default:
		return s.Blob(column) == nil
	}
}

// TestARefusalSaysWhich, and the statement goes on after it.
func TestARefusalSaysWhich(t *testing.T) {
	c := open(t)
	add := prepare(t, c, `INSERT INTO rows VALUES (?, NULL, ?)`)
	for i, want := range []int{0, lib.SQLITE_CONSTRAINT_UNIQUE, 0} {
		words := []string{"a", "a", "b"}[i]
		err := errors.Join(add.Set(int64(i), words), add.Run())
		var failed *engine.Error
		if errors.As(err, &failed); (want == 0) != (err == nil) || (want != 0 && failed.Code() != want) {
			t.Errorf("row %d: %v, want code %d", i, err, want)
		}
	}
	if err := add.Set(int64(1)); err == nil {
		t.Error("a value is missing, and nobody says so")
	}
	if err := add.Set(int64(1), 1.5); err == nil {
		t.Error("a number with a fraction is taken")
	}
	if _, err := c.Prepare(`SELECT nothing FROM nowhere`); err == nil {
		t.Error("a statement about nothing is prepared")
	}
	if _, err := engine.Open(filepath.Join(t.TempDir(), "none.db")); err == nil {
		t.Error("a database that is not there is opened")
	}
}

// TestRareStatementsArePreparedOnce, and end with the connection.
func TestRareStatementsArePreparedOnce(t *testing.T) {
	c := open(t)
	a, err := c.Rare(`SELECT 1`)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := c.Rare(`SELECT 1`); b != a || err != nil {
		t.Error("it was prepared again", err)
	}
}
