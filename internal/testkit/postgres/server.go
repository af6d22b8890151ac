package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser is the role that owns everything in a server.
const superuser = "optup_test"

// patience is how long a server may take to answer on a busy machine.
const patience = time.Minute

// Server is a running PostgreSQL.
type Server struct {
	// Host and Port are its loopback address; Socket is the folder of its Unix socket.
	Host     string
	Port     int
	Socket   string
	Password string

	bin, dir string
	settings []string
	as       *syscall.SysProcAttr
	owner    int
	// janitor stops the server and removes its folder when this end is closed, or closes because the process has ended.
	janitor *os.File
	swept   chan error
	running *exec.Cmd
}

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Shared gives the server of this test binary, and starts it for whoever comes first. It ends with the binary.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = start(nil) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// Start starts a server that ends with the test. Settings are those of postgresql.conf, such as "wal_level=logical".
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := start(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Standby starts a standby of a server, which follows it and ends with the test.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	standby, err := begin(nil, func(n *Server) error {
		// The password of the primary is in the environment, where no list of processes shows it.
		cmd := n.command("pg_basebackup", "--pgdata", n.data(), "--dbname", s.As(superuser, "", "postgres"), "--write-recovery-conf", "--no-sync", "--checkpoint=fast")
		cmd.Env = append(cmd.Env, "PGPASSWORD="+s.Password)
		n.Password = s.Password
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("pg_basebackup: %w\n%s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standby.stop(); err != nil {
			t.Error(err)
		}
	})
	return standby
}

func start(settings []string) (*Server, error) {
	return begin(settings, func(s *Server) error { return s.initialise() })
}

// begin starts a server whose data folder fill makes.
func begin(settings []string, fill func(*Server) error) (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{Host: "127.0.0.1", Password: rand.Text(), bin: bin, settings: settings}
	if s.as, s.owner, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "optup-postgres-"); err != nil {
		return nil, fmt.Errorf("the folder of the test's PostgreSQL: %w", err)
	}
	if err := errors.Join(os.Chown(s.dir, s.owner, -1), s.watch()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	s.Socket = s.dir
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := fill(s); err != nil {
		return nil, err
	}
	// Whoever asked for a free port before may take it in between.
	for range 5 {
		if s.Port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// initialise makes the data folder, whose roles need a password even on this machine.
func (s *Server) initialise() error {
	secret := filepath.Join(s.dir, "password")
	if err := errors.Join(os.WriteFile(secret, []byte(s.Password+"\n"), 0o600), os.Chown(secret, s.owner, -1)); err != nil {
		return err
	}
	cmd := s.command("initdb", "--pgdata", s.data(), "--username", superuser, "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is a program of PostgreSQL, with the rights that it needs and no others. The environment of the tests does not reach it.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.dir, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}, s.as
	return cmd
}

// Run runs one of PostgreSQL's own programs, such as pg_dump, and gives what it writes to standard output.
func (s *Server) Run(t testing.TB, input []byte, program string, args ...string) []byte {
	t.Helper()
	var out, told bytes.Buffer
	cmd := s.command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &told
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, told.Bytes())
	}
	return out.Bytes()
}

// run starts the server and waits until it answers.
func (s *Server) run() error {
	args := []string{
		"-D", s.data(), "-c", "listen_addresses=" + s.Host, "-c", "port=" + strconv.Itoa(s.Port), "-c", "unix_socket_directories=" + s.Socket,
		"-c", "unix_socket_permissions=0777", "-c", "max_connections=200", "-c", "log_min_messages=warning",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := s.command("postgres", args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, s.DSN("postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			s.running = cmd
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the test's PostgreSQL ended: %w\n%s", err, said.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the test's PostgreSQL does not answer: %w", err), cmd.Process.Kill())
		}
	}
}

// DSN is the address of one of its databases, for the superuser.
func (s *Server) DSN(database string) string { return s.As(superuser, s.Password, database) }

// As is the address of one of its databases for a role.
func (s *Server) As(role, password, database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password), Host: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), Path: "/" + database,
	}).String()
}

// Database makes an empty database and gives its address. It goes with the test, whoever is still connected.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text())
	s.Exec(t, "postgres", `CREATE DATABASE `+name)
	t.Cleanup(func() { s.Exec(t, "postgres", `DROP DATABASE `+name+` WITH (FORCE)`) })
	return s.DSN(name)
}

// Folder makes a folder that the server may use, for a tablespace say. It goes with the server.
func (s *Server) Folder(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.Mkdir(path, 0o700), os.Chown(path, s.owner, -1)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Exec runs statements in a database as the superuser.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	// A cleanup runs after the test's context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, q := range statements {
		if _, err := conn.Exec(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// With is the address of a database on either of two servers of one password, this one first.
func (s *Server) With(other *Server, database string) string {
	u, _ := url.Parse(s.DSN(database)) // it was put together a moment ago
	u.Host += "," + net.JoinHostPort(other.Host, strconv.Itoa(other.Port))
	return u.String()
}
