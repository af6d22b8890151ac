package api

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/doors"
	"github.com/optup/optup/internal/ledger/store"
)

// counted counts how often a store is asked about somebody.
type counted struct {
	store.Store
	n int
}

func (s *counted) Lookup(context.Context, consent.Tag) (*consent.Record, error) {
	s.n++
	return &consent.Record{}, nil
}

func TestOneRequestLooksSomebodyUpOnce(t *testing.T) {
	s := &counted{}
	r := httptest.NewRequest("POST", doors.EvaluationsPath, nil)
	e := &evaluator{API: &API{Options: Options{Store: s}}, r: r, records: map[consent.Tag]*consent.Record{}}
	for range doors.MaxQuestions {
		for tag := range byte(3) {
			if _, err := e.lookup(consent.Tag{tag}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s.n != 3 {
		t.Errorf("the store was asked %d times about 3 tags", s.n)
	}
}
