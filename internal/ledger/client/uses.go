package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

// ErrUses reports use records that the ledger will not take, whenever they are sent.
var ErrUses = errors.New("the ledger does not take these use records")

const usesTimeout = 20 * time.Second

// final are the answers that another try does not change.
var final = []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// SendUses sends one batch of use records (JSON of wire.Uses), with the token and the grant of the stream. It fails with ErrUses where
// the ledger will never take it. The connection is kept for the next batch; after a failure a new one is made, which reads the
// authorities again.
func (f *Feed) SendUses(ctx context.Context, batch []byte) (wire.Taken, error) {
	ctx, cancel := context.WithTimeout(ctx, usesTimeout)
	defer cancel()
	res, err := f.report(ctx, wire.UsesPath, batch)
	if err != nil {
		return wire.Taken{}, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		err := fmt.Errorf("use records: %w", explain(res))
		if slices.Contains(final, res.StatusCode) {
			err = fmt.Errorf("%w: %w", ErrUses, err)
		}
		return wire.Taken{}, err
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return wire.Taken{}, err
	}
	return wire.Decode[wire.Taken](answer)
}

// reporting is the client for use records, beside that of the stream, which ends with each connection.
func (f *Feed) reporting() (*http.Client, error) {
	if f.HTTPClient != nil {
		return f.HTTPClient, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reports == nil {
		transport, err := f.transport(true)
		if err != nil {
			return nil, err
		}
		// A redirect would carry the grant to somebody else.
		f.reports = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return f.reports, nil
}

func (f *Feed) forgetReporting() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reports != nil {
		f.reports.CloseIdleConnections()
		f.reports = nil
	}
}

// Tag gives the tag of an identifier, under the key that the ledger told. It fails with ErrNotReady or consent.ErrIdentifier.
func (f *Feed) Tag(i consent.Identifier) (consent.Tag, error) {
	v := f.view.Load()
	if v == nil {
		return consent.Tag{}, ErrNotReady
	}
	tagger := v.taggers.Get().(*consent.Tagger)
	defer v.taggers.Put(tagger)
	return tagger.Tag(i)
}
