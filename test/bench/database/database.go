package database

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/optup/optup/internal/testkit/postgres"
)

// Server is a PostgreSQL server of its own, with everything that keeps data switched on.
type Server struct {
	*postgres.Server
	t *tb
}

// Start starts a server for so many connections.
func Start(connections int) (_ *Server, err error) {
	t := &tb{}
	defer t.recovered(&err)
	return &Server{postgres.Start(t, fmt.Sprintf("max_connections=%d", connections+20), "shared_buffers=64MB"), t}, nil
}

// New makes an empty database and gives its address.
func (s *Server) New() (dsn string, err error) {
	defer s.t.recovered(&err)
	return s.Database(s.t), nil
}

// End ends the server. Whatever is connected is cut off.
func (s *Server) End() {
	for i := len(s.t.cleanups) - 1; i >= 0; i-- {
		s.t.cleanups[i]()
	}
}

// tb is as much of a test as the private PostgreSQL of the tests wants to see.
type tb struct {
	testing.TB
	cleanups []func()
	failed   error
}

func (*tb) Helper() {}

func (*tb) Context() context.Context { return context.Background() }

func (t *tb) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *tb) Error(args ...any) { t.failed = errors.Join(t.failed, errors.New(fmt.Sprint(args...))) }

func (t *tb) Fatal(args ...any) {
	t.Error(args...)
	panic(t)
}

func (t *tb) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }

// recovered makes an error of what was fatal.
func (t *tb) recovered(err *error) {
	if p := recover(); p != nil {
		if p != t {
			panic(p)
		}
		*err = t.failed
	}
}
