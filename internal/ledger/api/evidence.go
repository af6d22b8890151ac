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
	body, err := shown(e, one.Event.Proof, "event.proof", now)
	if err != nil || body == nil {
		return err
	}
	one.Attachments = append(one.Attachments, store.Attachment{Kind: store.KindEvidence, Body: body})
	if one.Key != "" {
		one.Digest = sha256.Sum256(append(one.Digest[:], body...)) // other evidence is other content
	}
	return nil
}

// shown gives the evidence of a proof as it is kept; nil where nothing is proven. Member is where the proof is told.
func shown(e *evidence.Evidence, proof consent.Proof, member string, now time.Time) ([]byte, error) {
	switch {
	case e == nil && proof == consent.ProofNone:
		return nil, nil
	case e == nil:
		return nil, problem.Invalid(fmt.Sprintf("send in evidence what proves %s; for %s its kind is one of %q", member, proof, evidence.Kinds[proof]))
	case proof == consent.ProofNone:
		return nil, problem.Invalid("say in " + member + " what the evidence proves, or leave the evidence out")
	}
	if err := evidence.Check(*e, proof, now); err != nil {
		p := problem.Invalid("correct the evidence")
		for line := range strings.Lines(err.Error()) {
			_, what, _ := strings.Cut(strings.TrimSpace(line), ": ")
			p.Errors = append(p.Errors, problem.Item{Member: "/evidence", Detail: what})
		}
		return nil, p
	}
	return json.Marshal(e)
}
