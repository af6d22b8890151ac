package shop

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// Addressee is one row of an addressee list.
type Addressee struct{ Email, ID string }

// addresseeHeader is short, so that a list of 10,000 people fits into a ConfigMap (1 MiB).
var addresseeHeader = []string{"email", "id"}

// consentHeader is the header of a consent export, as ledgers import it.
var consentHeader = []string{
	"identifier_type", "identifier", "event", "purpose", "notice", "at", "touchpoint", "proof", "evidence", "channel", "goods",
	"objection_notice", "scope",
}

// WriteAddressees writes everybody of the register as an addressee list (CSV, RFC 4180): the whole list, as marketing selects it.
func WriteAddressees(w io.Writer, people []Customer) error {
	out := csv.NewWriter(w)
	rows := [][]string{addresseeHeader}
	for _, c := range people {
		rows = append(rows, []string{c.Email, c.ID})
	}
	return out.WriteAll(rows)
}

// ReadAddressees reads an addressee list from a file. A list with another header, or without a single row, is an error.
func ReadAddressees(file string) ([]Addressee, error) {
	f, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	in := csv.NewReader(f)
	in.FieldsPerRecord = len(addresseeHeader)
	rows, err := in.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("addressee list %s: %w", file, err)
	}
	if len(rows) < 2 || rows[0][0] != addresseeHeader[0] || rows[0][1] != addresseeHeader[1] {
		return nil, errors.New("addressee list " + file + " needs the header email,id and at least one row")
	}
	list := make([]Addressee, 0, len(rows)-1)
	for _, row := range rows[1:] {
		list = append(list, Addressee{Email: row[0], ID: row[1]})
	}
	return list, nil
}

// WriteConsents writes a consent export (CSV, RFC 4180), times in RFC 3339.
func WriteConsents(w io.Writer, rows []Consent) error {
	out := csv.NewWriter(w)
	if err := out.Write(consentHeader); err != nil {
		return err
	}
	for _, c := range rows {
		told, kept := "", ""
		if c.Proof != "" {
			kept = c.Archive()
		}
		if c.Event == "relationship" {
			told = strconv.FormatBool(c.ObjectionNotice)
		}
		if err := out.Write([]string{
			"email", c.Email, c.Event, c.Purpose, c.Notice, c.At.Format(time.RFC3339), c.Touchpoint, c.Proof, kept, "", c.Goods, told, c.Scope,
		}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
