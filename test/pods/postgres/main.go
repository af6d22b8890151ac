// Command postgres is the first program of a PostgreSQL server in a pod of the end-to-end tests: it makes the database, once, and becomes
// the server. The image around it is made of this machine's package (see the Makefile).
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	data     = "/var/lib/postgresql/data"
	password = "/etc/database/password"
	database = "consent"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "the argument is the folder of PostgreSQL's programs")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(programs string) error {
	_, err := os.Stat(filepath.Join(data, database+".made"))
	if errors.Is(err, fs.ErrNotExist) {
		err = create(programs)
	}
	if err != nil {
		return err
	}
	server := filepath.Join(programs, "postgres")
	return syscall.Exec(server, []string{
		server, "-D", data, "-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp", "-c", "shared_buffers=64MB", "-c", "max_connections=100",
	}, os.Environ())
}

// create makes the database. What an earlier start left half done is thrown away: nobody has used it yet.
func create(programs string) error {
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	for _, c := range []struct {
		input string
		args  []string
	}{
		{"", []string{"initdb", "-D", data, "-U", "postgres", "--locale=C", "--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=" + password}},
		{"CREATE DATABASE " + database + ";\n", []string{"postgres", "--single", "-D", data, "postgres"}},
	} {
		cmd := exec.Command(filepath.Join(programs, c.args[0]), c.args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.input), os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", c.args[0], err)
		}
	}
	hba, err := os.OpenFile(filepath.Join(data, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = hba.WriteString("host all all all scram-sha-256\n")
	if err := errors.Join(err, hba.Close()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, database+".made"), nil, 0o600)
}
