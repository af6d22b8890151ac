package engine

import (
	"fmt"
	"unsafe"

	lib "modernc.org/sqlite/lib"
)

// Stmt is a prepared statement of a connection. Values are set by their place, from 1 on, and stay until they are set again.
type Stmt struct {
	c      *Conn
	handle uintptr
	values []value
	failed error
}

// value is memory of SQLite's for one value, which is used again. Bound is how much of it SQLite was told of, and whether as text.
type value struct {
	at    uintptr
	size  int
	bound int
	text  bool
}

// unbound is the bound of a value that is no text and no bytes.
const unbound = -1

// Int sets a number.
func (s *Stmt) Int(place int, v int64) {
	s.values[place-1].bound = unbound
	s.note(lib.Xsqlite3_bind_int64(s.c.tls, s.handle, int32(place), v))
}

// Null sets nothing.
func (s *Stmt) Null(place int) {
	s.values[place-1].bound = unbound
	s.note(lib.Xsqlite3_bind_null(s.c.tls, s.handle, int32(place)))
}

// Bytes sets bytes, of which it keeps none.
func (s *Stmt) Bytes(place int, b []byte) {
	v := s.room(place, len(b))
	if v == nil {
		return
	}
	copy(unsafe.Slice((*byte)(memory(v.at)), len(b)), b)
	if v.bound == len(b) && !v.text {
		return // SQLite looks there already
	}
	v.bound, v.text = len(b), false
	s.note(lib.Xsqlite3_bind_blob(s.c.tls, s.handle, int32(place), v.at, int32(len(b)), 0))
}

// Text sets a text.
func (s *Stmt) Text(place int, t string) {
	v := s.room(place, len(t))
	if v == nil {
		return
	}
	copy(unsafe.Slice((*byte)(memory(v.at)), len(t)), t)
	if v.bound == len(t) && v.text {
		return
	}
	v.bound, v.text = len(t), true
	s.note(lib.Xsqlite3_bind_text(s.c.tls, s.handle, int32(place), v.at, int32(len(t)), 0))
}

// Set sets all values, which are numbers, texts, bytes, or nil.
func (s *Stmt) Set(values ...any) error {
	if len(values) != len(s.values) {
		return fmt.Errorf("%d values for a statement that takes %d", len(values), len(s.values))
	}
	for i, v := range values {
		switch v := v.(type) {
		case nil:
			s.Null(i + 1)
		case int64:
			s.Int(i+1, v)
		case string:
			s.Text(i+1, v)
		case []byte:
			s.Bytes(i+1, v)
		default:
			return fmt.Errorf("SQLite takes no %T here", v)
		}
	}
	return nil
}

// room gives a value that has room for n bytes.
func (s *Stmt) room(place, n int) *value {
	v := &s.values[place-1]
	if v.at != 0 && n <= v.size {
		return v
	}
	size := max(2*v.size, n, 64)
	at := lib.Xsqlite3_realloc(s.c.tls, v.at, int32(size))
	if at == 0 {
		s.failed = noMemory
		return nil
	}
	*v = value{at: at, size: size, bound: unbound}
	return v
}

func (s *Stmt) note(code int32) {
	if err := s.c.failed(code); err != nil && s.failed == nil {
		s.failed = err
	}
}

// Step goes to the next row, if there is one. Otherwise, and after an error, the statement is ready to be run again.
func (s *Stmt) Step() (bool, error) {
	if err := s.failed; err != nil {
		s.failed = nil
		s.Reset()
		return false, err
	}
	switch code := lib.Xsqlite3_step(s.c.tls, s.handle); code {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		s.Reset()
		return false, nil
	default:
		err := s.c.failed(code)
		s.Reset()
		return false, err
	}
}

// Run runs a statement that gives no rows.
func (s *Stmt) Run() error {
	_, err := s.Step()
	return err
}

// Reset makes the statement ready to be run again before its rows have ended.
func (s *Stmt) Reset() { lib.Xsqlite3_reset(s.c.tls, s.handle) }

// Number gives a number of the row, by its column from 0 on.
func (s *Stmt) Number(column int) int64 {
	return lib.Xsqlite3_column_int64(s.c.tls, s.handle, int32(column))
}

// Blob gives bytes or a text of the row, where SQLite has it, until the next Step or Reset. They must not be changed.
func (s *Stmt) Blob(column int) []byte {
	at := lib.Xsqlite3_column_blob(s.c.tls, s.handle, int32(column))
	if at == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(memory(at)), lib.Xsqlite3_column_bytes(s.c.tls, s.handle, int32(column)))
}

func (s *Stmt) finalize() {
	lib.Xsqlite3_finalize(s.c.tls, s.handle)
	for i := range s.values {
		lib.Xsqlite3_free(s.c.tls, s.values[i].at)
	}
	s.values = nil
}
