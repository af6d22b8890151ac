package api

import (
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/keys"
)

func TestProposalsExpireAndAreOfOneLedger(t *testing.T) {
	now := time.Now()
	ledger := func() *API {
		key, err := keys.NewRoot().Stream("shop")
		if err != nil {
			t.Fatal(err)
		}
		return &API{Options: Options{Keys: key, Now: func() time.Time { return now }}}
	}
	a, other := ledger(), ledger()
	text, err := a.sealed(proposal{By: "officer-1", Corrects: 7, Leaf: "00", Expires: now.Add(proposalLife)})
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := a.unsealed(text); !ok || p.By != "officer-1" || p.Corrects != 7 {
		t.Errorf("%+v, %t", p, ok)
	}
	if _, ok := other.unsealed(text); ok {
		t.Error("another ledger takes it")
	}
	now = now.Add(proposalLife)
	if _, ok := a.unsealed(text); ok {
		t.Error("it does not expire")
	}
}
