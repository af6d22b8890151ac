package api

import (
	"net/http"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
)

// funnelCell is what became of asking with one wording. Counts of fewer than 10 are left out.
type funnelCell struct {
	Notice    consent.NoticeID `json:"notice"`
	Asked     *int64           `json:"asked,omitempty"`
	Given     *int64           `json:"given,omitempty"`
	Confirmed *int64           `json:"confirmed,omitempty"`
	Refused   *int64           `json:"refused,omitempty"`
	Deferred  *int64           `json:"deferred,omitempty"`
	Withdrawn *int64           `json:"withdrawn,omitempty"`
}

// funnel answers GET /v1/touchpoints/{namespace}/{name}/funnel.
func (a *API) funnel(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	name := r.PathValue("namespace") + "/" + r.PathValue("name")
	if !c.May(name) && !c.Has(access.RoleReader, access.RoleOfficer) {
		return problem.Forbidden("this needs the role reader or officer, or to be one of spec.writers of the Touchpoint")
	}
	if a.Funnel == nil {
		return problem.NotFound("this ledger counts no funnel")
	}
	cells, position, ok := a.Funnel()
	if !ok {
		return problem.Unavailable("the log is being read; ask again in a moment")
	}
	out := struct {
		Touchpoint string           `json:"touchpoint"`
		Position   consent.Position `json:"position"`
		Notices    []funnelCell     `json:"notices"`
	}{name, position, []funnelCell{}}
	for _, x := range cells {
		if x.Touchpoint == name && x.Notice != "" {
			out.Notices = append(out.Notices, funnelCell{
				x.Notice, count(x.Asked), count(x.Given), count(x.Confirmed), count(x.Refused), count(x.Deferred), count(x.Withdrawn),
			})
		}
	}
	return answer(w, http.StatusOK, out)
}
