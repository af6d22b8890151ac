package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// Recorded is one decision as it was recorded: what was asked, of whom, and under which bundle and facts it was answered.
type Recorded struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Namespace string    `json:"namespace"`
	Workload  string    `json:"workload"`
	// Effect is empty while the answer is still being sent, or where the sidecar was killed over it.
	Effect decide.Effect `json:"effect,omitempty"`
	Reason decide.Reason `json:"reason,omitempty"`
	// Mode Observe means that the effect was only noted: the request passed as it was.
	Mode       string            `json:"mode,omitempty"`
	Purpose    consent.PurposeID `json:"purpose,omitempty"`
	Policies   []string          `json:"policies,omitempty"`
	Service    string            `json:"service,omitempty"`
	Endpoint   string            `json:"endpoint,omitempty"`
	Recipient  string            `json:"recipient,omitempty"`
	Generation int64             `json:"generation,omitempty"`
	Position   consent.Position  `json:"position,omitempty"`
	Unanswered bool              `json:"unanswered,omitempty"`
	// Recorded is when the ledger took the record.
	Recorded time.Time `json:"recorded"`
}

// RecordedPerson is what was decided about one person of a decision. People are counted, never named.
type RecordedPerson struct {
	Number int              `json:"number"`
	Reason decide.Reason    `json:"reason"`
	Grant  consent.Position `json:"grant,omitempty"`
}

// RecordedDecision is the answer about one decision.
type RecordedDecision struct {
	Recorded
	People []RecordedPerson `json:"people,omitempty"`
	// From is the number to ask for the next people with; 0 if there are no more.
	From int `json:"from,omitempty"`
}

// UseOf is one use of a person's data, or one that was denied.
type UseOf struct {
	Recorded
	Person RecordedPerson `json:"person"`
	// Used tells that the data was used: the request passed and the person was not taken out.
	Used bool `json:"used"`
}

// UsesOf is the answer about one person.
type UsesOf struct {
	Uses []UseOf `json:"uses"`
	// Before continues with older uses; empty if there are none.
	Before string `json:"before,omitempty"`
	// Lost is how many records sidecars could not keep, of anybody.
	Lost uint64 `json:"lost"`
}

func recorded(d *store.Decision) Recorded {
	return Recorded{
		ID: d.ID.String(), At: d.At, Namespace: d.Namespace, Workload: d.Workload, Effect: decide.Effect(d.Effect), Reason: decide.Reason(d.Reason),
		Mode: d.Mode, Purpose: d.Purpose, Policies: d.Policies, Service: d.Service, Endpoint: d.Endpoint, Recipient: d.Party,
		Generation: d.Generation, Position: d.Position, Unanswered: d.Unanswered, Recorded: d.Recorded,
	}
}

func useOf(u store.Use) UseOf {
	reason := decide.Reason(u.Reason)
	passed := u.Decision.Effect != string(decide.Deny)
	return UseOf{
		Recorded: recorded(&u.Decision), Person: RecordedPerson{Number: u.Number, Reason: reason, Grant: u.Grant},
		Used: u.Decision.Mode == "Observe" || (passed && reason.Permits()),
	}
}

// decision answers GET /v1/decisions/{id}: what was decided about one request, and about each person in it.
func (a *API) decision(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	id, err := wire.ParseDecisionID(r.PathValue("id"))
	if err != nil {
		return problem.Malformed("give the id of a decision as it stands in the denial or in the header OptUp-Decision: 26 characters")
	}
	from := 1
	if v := r.URL.Query().Get("from"); v != "" {
		if from, err = strconv.Atoi(v); err != nil || from < 1 {
			return problem.Malformed("from is the number of a person, from 1")
		}
	}
	d, err := a.Store.Decision(r.Context(), id, from, maxUsesPage)
	if errors.Is(err, store.ErrNoDecision) {
		return problem.NotFound("no decision is recorded under this id: records come a second after the answer, later while the ledger was away, and are deleted after their retention; a ledger knows those of its own controller")
	}
	if err != nil {
		return err
	}
	out := RecordedDecision{Recorded: recorded(&d)}
	for i, u := range d.Uses {
		out.People = append(out.People, RecordedPerson{Number: d.First + i, Reason: decide.Reason(u.Reason), Grant: u.Grant})
	}
	if len(d.Uses) == maxUsesPage {
		out.From = out.People[len(out.People)-1].Number + 1
	}
	return answer(w, http.StatusOK, out)
}
