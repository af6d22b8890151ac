package api

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/evidence"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
)

// prove adds to an event the evidence of what it says the person proved. Whoever names a proof has to show it: a touchpoint may speak for a
// person with evidence only, and so may an officer.
func prove(one *store.Append, e *evidence.Evidence, now time.Time) error {
	proof := one.Event.Proof
	switch {
	case e == nil && proof == consent.ProofNone:
		return nil
	case e == nil:
		return problem.Invalid(fmt.Sprintf("send in evidence what proves event.proof; for %s its kind is one of %q", proof, evidence.Kinds[proof]))
	case proof == consent.ProofNone:
		return problem.Invalid("say in event.proof what the evidence proves, or leave the evidence out")
	}
	if err := evidence.Check(*e, proof, now); err != nil {
		p := problem.Invalid("correct the evidence")
		for line := range strings.Lines(err.Error()) {
			_, what, _ := strings.Cut(strings.TrimSpace(line), ": ")
			p.Errors = append(p.Errors, problem.Item{Member: "/evidence", Detail: what})
		}
		return p
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	one.Attachments = append(one.Attachments, store.Attachment{Kind: store.KindEvidence, Body: body})
	if one.Key != "" {
		one.Digest = sha256.Sum256(append(one.Digest[:], body...)) // other evidence is other content
	}
	return nil
}
