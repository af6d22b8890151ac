package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// script is a row of statements that go to the server in one piece, whatever they are: rows by COPY, which takes many of them for half the
// work of INSERT, and prepared statements. The driver sends either by itself only, with an answer in between.
type script struct {
	out []byte
	// answers is how many statements there are, each of which is answered by itself.
	answers int
	// under tells that something was sent whose answers were not read.
	under bool
	err   error
}

func (s *script) message(m pgproto3.FrontendMessage) {
	if s.err == nil {
		s.out, s.err = m.Encode(s.out)
	}
}

// say adds a statement without parameters.
func (s *script) say(sql string) {
	s.message(&pgproto3.Query{String: sql})
	s.answers++
}

// call adds a prepared statement.
func (s *script) call(conn *pgx.Conn, st *pgconn.StatementDescription, args ...any) {
	values, formats := make([][]byte, len(args)), make([]int16, len(args))
	for i, a := range args {
		formats[i] = pgx.BinaryFormatCode
		raw, err := conn.TypeMap().Encode(st.ParamOIDs[i], pgx.BinaryFormatCode, a, nil)
		if err != nil {
			s.err = fmt.Errorf("%s: %w", st.Name, err)
			return
		}
		values[i] = raw
	}
	s.message(&pgproto3.Bind{PreparedStatement: st.Name, Parameters: values, ParameterFormatCodes: formats})
	s.message(&pgproto3.Execute{})
	s.message(&pgproto3.Sync{})
	s.answers++
}

// copyHead begins what COPY reads in its binary format: a signature, flags, and no extension.
const copyHead = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// rows adds n rows to a table, by COPY table (columns) FROM STDIN BINARY. Fill gives the columns of each.
func (s *script) rows(table string, columns, n int, fill func(i int, row *script)) {
	if n == 0 {
		return
	}
	s.say(`COPY ` + table + ` FROM STDIN BINARY`)
	start := len(s.out)
	s.out = append(s.out, "d\x00\x00\x00\x00"...)
	s.out = append(s.out, copyHead...)
	for i := range n {
		s.out = binary.BigEndian.AppendUint16(s.out, uint16(columns))
		fill(i, s)
	}
	s.out = append(s.out, 0xff, 0xff)
	binary.BigEndian.PutUint32(s.out[start+1:], uint32(len(s.out)-start-1))
	s.message(&pgproto3.CopyDone{})
}

// What follows adds one column of a row.

func (s *script) bytes(v []byte) {
	s.out = append(binary.BigEndian.AppendUint32(s.out, uint32(len(v))), v...)
}

func (s *script) text(v string) {
	s.out = append(binary.BigEndian.AppendUint32(s.out, uint32(len(v))), v...)
}

func (s *script) null() { s.out = append(s.out, 0xff, 0xff, 0xff, 0xff) }

func (s *script) int64(v int64) {
	s.out = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(s.out, 8), uint64(v))
}

func (s *script) int16(v int16) {
	s.out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(s.out, 2), uint16(v))
}

// send sends what there is of the script, whose answers are read by run. They are short: the server never waits for somebody to read them.
func (s *script) send(ctx context.Context, conn *pgx.Conn) error {
	if s.err != nil {
		return s.err
	}
	c := conn.PgConn().Conn()
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetWriteDeadline(deadline); err != nil {
			return err
		}
		defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
	}
	s.under = true
	_, err := c.Write(s.out)
	s.out = s.out[:0]
	return err
}

// run sends the script and reads its answers. Committed tells that the server has said so, whatever came after that. A connection that
// fails meanwhile is closed: nobody knows where in the answers it stands.
func (s *script) run(ctx context.Context, conn *pgx.Conn) (committed bool, err error) {
	if s.err != nil {
		return false, s.err
	}
	c := conn.PgConn()
	defer func() {
		if err != nil && c.TxStatus() != 'I' {
			_ = c.Conn().Close()
		}
	}()
	if err := s.send(ctx, conn); err != nil {
		return false, err
	}
	defer func() { s.under = s.answers > 0 }()
	var refused error
	for s.answers > 0 {
		m, err := c.ReceiveMessage(ctx)
		if err != nil {
			return committed, err
		}
		switch m := m.(type) {
		case *pgproto3.ReadyForQuery:
			s.answers--
		case *pgproto3.CommandComplete:
			committed = committed || string(m.CommandTag) == "COMMIT"
		case *pgproto3.ErrorResponse:
			if refused == nil {
				refused = pgconn.ErrorResponseToPgError(m)
			}
		}
	}
	return committed, refused
}
