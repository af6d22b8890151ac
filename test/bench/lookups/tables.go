package lookups

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/test/bench/people"
)

// tables are the consents of an application without a ledger: a row for each person and purpose, found by the address, in one query.
type tables struct{ pool *pgxpool.Pool }

func openTables(ctx context.Context, dsn string, p people.Population) (*tables, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = connections, connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	t := &tables{pool}
	if _, err := pool.Exec(ctx, `CREATE TABLE people (id bigint PRIMARY KEY, email text UNIQUE NOT NULL);
		CREATE TABLE consents (person bigint NOT NULL REFERENCES people, purpose text NOT NULL, notice text NOT NULL, status text NOT NULL,
			at timestamptz NOT NULL, expires timestamptz, PRIMARY KEY (person, purpose))`); err != nil {
		return t, err
	}
	var everybody, consents [][]any
	for i := range p.Count {
		x := p.Person(i)
		everybody = append(everybody, []any{i, people.Email(i)})
		for n, s := range x.Standing {
			at := people.Now.AddDate(0, 0, -100)
			var expires *time.Time
			if n == people.Purposes-1 && s == people.Given {
				at = x.Since
				end := at.AddDate(0, 0, people.ValidForDays)
				expires = &end
			}
			if s != people.Never {
				consents = append(consents, []any{i, string(people.Purpose(n)), string(people.Notice(n)), status[s], at, expires})
			}
		}
	}
	if _, err := pool.CopyFrom(ctx, pgx.Identifier{"people"}, []string{"id", "email"}, pgx.CopyFromRows(everybody)); err != nil {
		return t, err
	}
	if _, err := pool.CopyFrom(ctx, pgx.Identifier{"consents"}, []string{"person", "purpose", "notice", "status", "at", "expires"},
		pgx.CopyFromRows(consents)); err != nil {
		return t, err
	}
	_, err = pool.Exec(ctx, `ANALYZE`)
	return t, err
}

var status = map[people.Standing]string{people.Given: "given", people.Withdrawn: "withdrawn"}

// row is what the tables know of a person and a purpose.
type row struct {
	Purpose string     `json:"purpose"`
	Notice  string     `json:"notice"`
	Status  string     `json:"status"`
	At      time.Time  `json:"at"`
	Expires *time.Time `json:"expires,omitempty"`
	Allowed bool       `json:"allowed"`
}

// ServeHTTP answers what the ledger is asked, with less: what is allowed for each purpose about which the person said something.
func (t *tables) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(bearer), []byte(token)) != 1 {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	var in struct{ Identifier consent.Identifier }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&in); err != nil {
		http.Error(w, "no identifier", http.StatusBadRequest)
		return
	}
	found, err := t.pool.Query(r.Context(), `SELECT c.purpose, c.notice, c.status, c.at, c.expires FROM people p JOIN consents c ON c.person = p.id
		WHERE p.email = $1`, strings.ToLower(strings.TrimSpace(in.Identifier.Value)))
	if err != nil {
		http.Error(w, "no database", http.StatusInternalServerError)
		return
	}
	now := people.Now
	rows, err := pgx.CollectRows(found, func(x pgx.CollectableRow) (c row, err error) {
		err = x.Scan(&c.Purpose, &c.Notice, &c.Status, &c.At, &c.Expires)
		c.Allowed = c.Status == "given" && (c.Expires == nil || now.Before(*c.Expires))
		return c, err
	})
	if err != nil {
		http.Error(w, "no database", http.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(struct {
		Known    bool  `json:"known"`
		Consents []row `json:"consents"`
	}{len(rows) > 0, rows})
	if err != nil {
		http.Error(w, "no answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// rightOfTables tells whether an answer of the tables decides about the purpose as the population does.
func rightOfTables(body []byte, allowed bool, purpose int) error {
	var out struct{ Consents []row }
	found := false
	if err := json.Unmarshal(body, &out); err != nil {
		return err
	}
	for _, c := range out.Consents {
		found = found || (c.Purpose == string(people.Purpose(purpose)) && c.Allowed)
	}
	if found != allowed {
		return fmt.Errorf("the answer is not %v for purpose %d: %s", allowed, purpose, body)
	}
	return nil
}
