package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/optup/optup/internal/decide"
)

// problem is what a caller is told (RFC 9457).
//
// Errors says Detail once more, in the member that clients of many services read (SendGrid's among them): they look for
// errors[0].message in every answer from 400 on, and fail in their own error handling where it is missing.
type problem struct {
	Type     string          `json:"type"`
	Title    string          `json:"title"`
	Status   int             `json:"status"`
	Detail   string          `json:"detail"`
	Reasons  []decide.Reason `json:"reasons"`
	Decision string          `json:"decisionId"`
	Errors   []message       `json:"errors"`
}

type message struct {
	Message string `json:"message"`
}

func (b problem) encode() ([]byte, error) {
	b.Errors = []message{{b.Detail}}
	return json.Marshal(b)
}

// busy is no reason of a decision: the sidecar holds as many bodies as it may. Metrics show it as an internal error.
const busy decide.Reason = "BUSY"

// explanations are the status and sentence of each reason that a caller may see.
var explanations = map[decide.Reason]struct {
	status int
	detail string
}{
	decide.HostUndeclared:       {http.StatusForbidden, "No DataService declares this host and port, and the workload's ConsentPolicy lets no other host pass. Declare it, or list it under ungoverned."},
	decide.EndpointUnknown:      {http.StatusForbidden, "The DataService declares no endpoint with this method and path. Declare it."},
	decide.PurposeUndeclared:    {http.StatusForbidden, "No rule of the workload's ConsentPolicies gives this request a purpose that exists and is lawful, or none of those that match it has the one that its header OptUp-Purpose names. Add a rule, or correct the purpose."},
	decide.PurposeAmbiguous:     {http.StatusForbidden, "Rules with different purposes match this request. Tell them apart with when, or name the purpose in the request header OptUp-Purpose."},
	decide.NamespaceNotAllowed:  {http.StatusForbidden, "The DataPurpose does not allow this namespace to act for it. Its owner can add it."},
	decide.NoPolicy:             {http.StatusForbidden, "No ConsentPolicy of this workload refers to this service. Add one."},
	decide.CategoryNotCovered:   {http.StatusForbidden, "The request carries data that the endpoint does not declare or that the purpose does not need. Remove it, or declare it."},
	decide.PartyNotCovered:      {http.StatusForbidden, "The party that operates the service may not receive this data."},
	decide.TransferNotCovered:   {http.StatusForbidden, "The service takes data out of the European Economic Area, and nothing that covers this purpose allows it. Name the basis in the DataService, or use another service."},
	decide.ObligationUnmet:      {http.StatusForbidden, "The permission depends on something that cannot be done or checked here, for example a note in the mail that people can object, or tracking that has to be off."},
	decide.NotCanonical:         {http.StatusBadRequest, "The request has more than one reading. Send one Host, a path without dot segments, empty segments and superfluous escapes, and no overriding headers."},
	decide.BodyUnreadable:       {http.StatusBadRequest, "The body is not strictly of the declared format, or there is a body where none is declared."},
	decide.BodyTooLarge:         {http.StatusRequestEntityTooLarge, "The body is larger than what can be checked."},
	decide.EncodingNotAllowed:   {http.StatusUnsupportedMediaType, "The body is encoded in a way that cannot be checked. Send the format that the endpoint declares (application/json if it names none) in UTF-8, without content encoding."},
	decide.TLSRefused:           {http.StatusForbidden, "TLS to this host cannot be checked. Use the declared plain port; the sidecar connects on the application's behalf."},
	decide.CredentialNotAllowed: {http.StatusForbidden, "The request brings a credential of its own. The sidecar inserts that of the service."},
	decide.CredentialMissing:    {http.StatusServiceUnavailable, "The sidecar has no credential for this service, so nothing was sent."},
	decide.SignatureRefused:     {http.StatusForbidden, "The call is not signed as the DataService declares, or was signed too long ago. Correct the key, or the clock."},
	decide.LedgerBehind:         {http.StatusServiceUnavailable, "What people agreed to is not known freshly enough. Try again."},
	decide.CallerUnknown:        {http.StatusForbidden, "The service gives personal data to known workloads only. Call it from a pod with a sidecar, or send a token for optup-provider in the header OptUp-Caller-Token."},
	decide.InternalError:        {http.StatusInternalServerError, "The request could not be checked."},
	decide.NotPermitted:         {http.StatusForbidden, "The people's current consent does not permit this."},
}

// public maps a reason to what a caller may see. Only what has an explanation is shown.
func public(r decide.Reason) decide.Reason {
	r = r.Public()
	if _, ok := explanations[r]; ok {
		return r
	}
	return decide.NotPermitted
}

func newProblem(reason decide.Reason, decision string) problem {
	if reason == busy {
		return problem{
			Type: "urn:optup:problem:busy", Title: "Busy", Status: http.StatusServiceUnavailable, Reasons: []decide.Reason{decide.InternalError},
			Detail: "The sidecar holds as many bodies as its memory allows. Try again.", Decision: decision,
		}
	}
	reason = public(reason)
	e := explanations[reason]
	return problem{
		Type: "urn:optup:reason:" + string(reason), Title: "Denied by data use policy", Status: e.status, Detail: e.detail,
		Reasons: []decide.Reason{reason}, Decision: decision,
	}
}

// deny answers with problem JSON. Nothing of the request is in it.
func deny(w http.ResponseWriter, reason decide.Reason, decision string) {
	tell(w, newProblem(reason, decision))
}

// withhold tells why an answer is not passed on: what is wrong is wrong with the service's answer, and not with the request.
func withhold(w http.ResponseWriter, reason decide.Reason, decision string) {
	b := newProblem(reason, decision)
	if unreadable[public(reason)] {
		b.Status = http.StatusBadGateway
		b.Detail = "The service's answer cannot be checked: it is no whole JSON body in UTF-8 of the declared kind, or it is too large. It was withheld."
	}
	tell(w, b)
}

func tell(w http.ResponseWriter, b problem) {
	body, err := b.encode()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if b.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(b.Status)
	_, _ = w.Write(body)
}

// problemOf is what a caller is told by whoever denies in the sidecar's place.
func problemOf(reason decide.Reason, decision string) (int, []byte) {
	b := newProblem(reason, decision)
	body, err := b.encode()
	if err != nil {
		body = nil
	}
	return b.Status, body
}

// refuseHTTP answers a connection that no server has taken over.
func refuseHTTP(w io.Writer, reason decide.Reason, decision string) {
	b := newProblem(reason, decision)
	body, err := b.encode()
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		b.Status, http.StatusText(b.Status), len(body), body)
}
