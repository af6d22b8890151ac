package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestMain lets the test binary be the process that ends without a word to its server.
func TestMain(m *testing.M) {
	if os.Getenv("OPTUP_TEST_POSTGRES_CHILD") == "" {
		os.Exit(m.Run())
	}
	s, err := start(nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println(s.dir, s.running.Process.Pid)
	time.Sleep(time.Minute)
}

func query(t *testing.T, dsn, q string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var out string
	if err := conn.QueryRow(t.Context(), q).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryTestHasItsDatabase(t *testing.T) {
	a, b := Shared(t).Database(t), Shared(t).Database(t)
	name := `SELECT current_database()`
	if query(t, a, name) == query(t, b, name) {
		t.Fatal("two tests share a database")
	}
	if v, err := strconv.Atoi(query(t, a, `SHOW server_version_num`)); err != nil || v < oldest*10000 {
		t.Fatalf("version %d, %v", v, err)
	}
	if _, err := pgx.Connect(t.Context(), Shared(t).As(superuser, "guessed", "postgres")); err == nil {
		t.Fatal("a wrong password is accepted")
	}
}

func TestWhatWasCommittedIsThereAfterAKill(t *testing.T) {
	s := Start(t)
	dsn := s.Database(t)
	database := query(t, dsn, `SELECT current_database()`)
	s.Exec(t, database, `CREATE TABLE said AS SELECT 'yes' AS word`)
	s.Kill(t)
	if _, err := pgx.Connect(t.Context(), dsn); err == nil {
		t.Fatal("a killed server answers")
	}
	s.Restart(t)
	if got := query(t, dsn, `SELECT word FROM said`); got != "yes" {
		t.Fatal(got)
	}
}

func TestAPausedServerAnswersLater(t *testing.T) {
	s := Start(t)
	resume := s.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := pgx.Connect(ctx, s.DSN("postgres")); err == nil {
		t.Error("a paused server answers")
	}
	resume()
	if got := query(t, s.DSN("postgres"), `SELECT 'here'`); got != "here" {
		t.Fatal(got)
	}
}

func TestNothingIsLeftOfAKilledTestBinary(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "OPTUP_TEST_POSTGRES_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir, number, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(number)
	if err != nil || !alive(pid) {
		t.Fatalf("the child says %q", line)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(dir)
		if !alive(pid) && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives: %v; its folder: %v", pid, alive(pid), err)
		}
	}
}

func TestARelayFailsAsANetworkDoes(t *testing.T) {
	dsn := Shared(t).Database(t)
	r := Shared(t).Relay(t)
	through := r.Through(t, dsn)
	if got := query(t, through, `SELECT 'through'`); got != "through" {
		t.Fatal(got)
	}
	for _, m := range []Manner{Cut, Mute, Hold} {
		r.Turn(m)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if _, err := pgx.Connect(ctx, through); err == nil {
			t.Errorf("manner %d lets a client through", m)
		}
		cancel()
	}
	r.Turn(Pass)
	if got := query(t, through, `SELECT 'again'`); got != "again" {
		t.Fatal(got)
	}
}

func TestAStandbyFollowsItsPrimary(t *testing.T) {
	primary := Start(t)
	primary.Exec(t, "postgres", `CREATE TABLE said AS SELECT 'yes' AS word`)
	standby := primary.Standby(t)
	if got := query(t, standby.DSN("postgres"), `SELECT word || pg_is_in_recovery() FROM said`); got != "yestrue" {
		t.Fatal(got)
	}
}
