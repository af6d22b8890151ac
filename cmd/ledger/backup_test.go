package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

// output runs a command and gives what it prints, errors included.
func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestBackUpAndRestore(t *testing.T) {
	dir, args := folder(t)
	data, ours := filepath.Join(dir, "data"), []string{"--root-key", filepath.Join(dir, "root.key"), "--config", filepath.Join(dir, "config.json")}
	api, _, stop := start(t, http.DefaultClient, "http", args)
	say := func(event, address string) {
		t.Helper()
		body := `{"identifiers":[{"type":"email","value":"%s"}],"event":{"type":"%s","purpose":"newsletter","notice":"newsletter-v1","proof":"Signed"},
			"evidence":{"kind":"signedForm","signedForm":{"signedAt":"2026-01-01T10:00:00Z","sha256":"%s","reference":"archive/1","signature":"handwritten"}}}`
		if status, answer := call(t, http.DefaultClient, "POST", api+"/v1/events", fmt.Sprintf(body, address, event, strings.Repeat("ab", 32))); status != 201 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	checkpoint := func() string {
		t.Helper()
		_, note := call(t, http.DefaultClient, "GET", api+"/v1/checkpoint", "")
		return write(t, filepath.Join(t.TempDir(), "checkpoint"), []byte(note))
	}
	say("given", "ada@example.org")
	backup, older := filepath.Join(dir, "backup.db"), checkpoint()
	if out, err := output(t, "backup", "--data", data, "--out", backup); err != nil || !strings.Contains(out, "1 events") {
		t.Fatalf("%s, %v", out, err)
	}
	say("withdrawn", "ada@example.org")
	newest := checkpoint()
	_, before := call(t, http.DefaultClient, "GET", api+"/v1/head", "")
	status, export := call(t, http.DefaultClient, "GET", api+"/v1/export", "")
	if status != 200 {
		t.Fatal(export)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	// Over the ledger that is there; without knowing whether anything is lost; and although the withdrawal is.
	restore := func(to string, more ...string) (string, error) {
		return output(t, append(append([]string{"restore", "--data", to, "--from", backup}, ours...), more...)...)
	}
	for name, c := range map[string]struct {
		to   string
		more []string
		want string
	}{
		"over another":           {data, []string{"--accept-loss"}, "move the old one away"},
		"without saying":         {t.TempDir(), nil, "accept-loss"},
		"although more was said": {t.TempDir(), []string{"--checkpoint", newest}, "find a newer one"},
	} {
		if out, err := restore(c.to, c.more...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s, %v", name, out, err)
		}
		if _, err := os.Stat(filepath.Join(c.to, sqlite.FileName)); c.to != data && err == nil {
			t.Errorf("%s: something was restored", name)
		}
	}
	other := filepath.Join(dir, "other.key")
	if err := run(t.Context(), "keygen", "--out", other); err != nil {
		t.Fatal(err)
	}
	if _, err := output(t, "restore", "--data", t.TempDir(), "--from", backup, "--accept-loss", "--root-key", other, "--config", filepath.Join(dir, "config.json")); err == nil {
		t.Error("restored with another root key")
	}

	// Tampered with.
	bad := filepath.Join(dir, "bad.db")
	raw, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	write(t, bad, raw)
	db, err := sql.Open("sqlite", bad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE events SET salt = zeroblob(16)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := output(t, append([]string{"restore", "--data", t.TempDir(), "--from", bad, "--accept-loss"}, ours...)...); err == nil || !strings.Contains(out, "position 1: ") {
		t.Errorf("a backup that was changed: %s, %v", out, err)
	}

	// Accepting a loss is not accepting another log.
	root, err := keys.ReadRoot(filepath.Join(dir, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := root.Signer(ledgertest.Controller)
	if err != nil {
		t.Fatal(err)
	}
	note, err := signer.Checkpoint("EPOCH", 1, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := restore(t.TempDir(), "--accept-loss", "--checkpoint", write(t, filepath.Join(dir, "fork"), note)); err == nil || !strings.Contains(out, "signed another root") {
		t.Errorf("another log: %s, %v", out, err)
	}

	// As it was, with what is kept from before the backup; and in spite of the loss.
	for i, more := range [][]string{{"--checkpoint", older}, {"--checkpoint", newest, "--accept-loss"}} {
		to := filepath.Join(t.TempDir(), "data")
		if out, err := restore(to, more...); err != nil || !strings.Contains(out, "restored 1 events") {
			t.Fatalf("%d: %s, %v", i, out, err)
		}
		api, _, stop := start(t, http.DefaultClient, "http", append(without(args, "--data"), "--data", to))
		_, after := call(t, http.DefaultClient, "GET", api+"/v1/head", "")
		if !strings.Contains(after, `"position":1,`) || epochOf(after) == epochOf(before) || epochOf(after) == "" {
			t.Fatalf("%s after %s", after, before)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}

	// The export has everything.
	file, to := write(t, filepath.Join(dir, "export.jsonl"), []byte(export)), filepath.Join(t.TempDir(), "data")
	load := append([]string{"import", file, "--data", to}, ours...)
	if out, err := output(t, append(load, "--dry-run")...); err != nil || !strings.Contains(out, "2 events would be imported") {
		t.Fatalf("%s, %v", out, err)
	}
	if _, err := os.Stat(to); !os.IsNotExist(err) {
		t.Fatal("a dry run left something")
	}
	if out, err := output(t, load...); err != nil || !strings.Contains(out, "imported 2 events") {
		t.Fatalf("%s, %v", out, err)
	}
	if _, err := output(t, load...); err == nil || !strings.Contains(err.Error(), "empty ledger") {
		t.Errorf("a second time: %v", err)
	}
	write(t, file, []byte(strings.Replace(export, "withdrawn", "asked", 1)))
	if _, err := output(t, append(load, "--dry-run")...); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("an export that was changed: %v", err)
	}
}

// epochOf takes the epoch from an answer of GET /v1/head.
func epochOf(head string) string {
	_, rest, _ := strings.Cut(head, `"epoch":"`)
	epoch, _, _ := strings.Cut(rest, `"`)
	return epoch
}
