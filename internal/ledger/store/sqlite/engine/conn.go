package engine

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Error is what SQLite refused.
type Error struct {
	code int
	text string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.text, e.code) }

// Code is the extended result code.
func (e *Error) Code() int { return e.code }

// busyTimeout is how long a statement waits for a lock, in milliseconds.
const busyTimeout = 10_000

// Conn is one connection. It is for one goroutine at a time.
type Conn struct {
	tls *libc.TLS
	db  uintptr
	// room is memory of SQLite's for a pointer or two.
	room  uintptr
	stmts []*Stmt
	rare  map[string]*Stmt
}

// Open opens a database that exists, and runs some statements, such as pragmas.
func Open(path string, first ...string) (_ *Conn, err error) {
	c := &Conn{tls: libc.NewTLS()}
	defer func() {
		if err != nil {
			_ = c.Close() // what went wrong first is what is told
		}
	}()
	if c.room = lib.Xsqlite3_malloc(c.tls, 2*pointer); c.room == 0 {
		return nil, noMemory
	}
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	// A connection is used by one goroutine at a time, so that it needs no lock of its own.
	code := lib.Xsqlite3_open_v2(c.tls, name, c.room, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_NOMUTEX, 0)
	c.db = *(*uintptr)(memory(c.room))
	if err := c.failed(code); err != nil {
		return nil, err
	}
	lib.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	lib.Xsqlite3_busy_timeout(c.tls, c.db, busyTimeout)
	for _, sql := range first {
		if err := c.Exec(sql); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// memory is a place in SQLite's memory, which Go's collector neither moves nor frees.
func memory(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }

const pointer = int32(unsafe.Sizeof(uintptr(0)))

var noMemory = &Error{lib.SQLITE_NOMEM, "there is no memory for SQLite"}

// failed says what a code means; nil for those of success.
func (c *Conn) failed(code int32) error {
	switch {
	case code == lib.SQLITE_OK:
		return nil
	case c.db == 0:
		return &Error{int(code), libc.GoString(lib.Xsqlite3_errstr(c.tls, code))}
	default:
		return &Error{int(code), libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))}
	}
}

// Exec runs a statement that gives nothing of interest.
func (c *Conn) Exec(sql string) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = s.Step()
	}
	s.finalize()
	return err
}

// Prepare prepares one statement, which lives as long as the connection.
func (c *Conn) Prepare(sql string) (*Stmt, error) {
	s, err := c.prepare(sql)
	if err == nil {
		c.stmts = append(c.stmts, s)
	}
	return s, err
}

// Rare gives the statement of a text that is needed now and then. It is prepared once.
func (c *Conn) Rare(sql string) (*Stmt, error) {
	if s := c.rare[sql]; s != nil {
		return s, nil
	}
	s, err := c.Prepare(sql)
	if err == nil {
		if c.rare == nil {
			c.rare = map[string]*Stmt{}
		}
		c.rare[sql] = s
	}
	return s, err
}

func (c *Conn) prepare(sql string) (*Stmt, error) {
	text, err := libc.CString(sql)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	if err := c.failed(lib.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, lib.SQLITE_PREPARE_PERSISTENT, c.room, 0)); err != nil {
		return nil, err
	}
	s := &Stmt{c: c, handle: *(*uintptr)(memory(c.room))}
	s.values = make([]value, lib.Xsqlite3_bind_parameter_count(c.tls, s.handle))
	return s, nil
}

// Close ends the connection, and with it a transaction that is open.
func (c *Conn) Close() error {
	for _, s := range c.stmts {
		s.finalize()
	}
	c.stmts, c.rare = nil, nil
	var err error
	if c.db != 0 {
		if code := lib.Xsqlite3_close_v2(c.tls, c.db); code != lib.SQLITE_OK {
			err = c.failed(code)
		}
		c.db = 0
	}
	if c.room != 0 {
		lib.Xsqlite3_free(c.tls, c.room)
		c.room = 0
	}
	if c.tls != nil {
		c.tls.Close()
		c.tls = nil
	}
	return err
}
