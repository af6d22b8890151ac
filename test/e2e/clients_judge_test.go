package e2e

import (
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/test/road"
)

// judge compares what one client says, and what arrived of it at the vendor, with what has to be (test/pods/README.md).
type judge struct {
	client        string
	said          []done
	arrived       []road.Request
	w             written
	shown, hidden []string
}

// judged is one step: what was seen of it, and what is wrong with that.
type judged struct{ step, seen, wrong string }

func (j *judge) steps() []judged {
	return []judged{j.send(), j.batch(), j.contacts(), j.refused(), j.complaint(), j.undeclared(), j.busy(), j.lost()}
}

func (j *judge) of(step string) (all []done) {
	for _, d := range j.said {
		if d.Step == step {
			all = append(all, d)
		}
	}
	return append(all, done{Status: -1}, done{Status: -1}) // a step that was not told is none that came out well
}

// mails are those that arrived with a subject of this client.
func (j *judge) mails(subject string) (all []road.Request) {
	for _, r := range j.arrived {
		if r.Mail != nil && r.Mail.Subject == subject+" "+j.client {
			all = append(all, r)
		}
	}
	return all
}

func addressees(r road.Request) (all []string) {
	for _, p := range r.Mail.Personalizations {
		for _, to := range p.To {
			all = append(all, to.Email)
		}
	}
	return all
}

func (j *judge) send() judged {
	d, mails := j.of("send")[0], j.mails("news")
	out := judged{step: "mail: lawful addressees, no tracking", seen: fmt.Sprintf("%d, 2 of 4 addressees, tracking off", d.Status)}
	switch {
	case d.Status != 202 || len(mails) != 1:
		out.wrong = fmt.Sprintf("%d %s; %d mails", d.Status, d.Detail, len(mails))
	case !slices.Equal(addressees(mails[0]), []string{j.w.allowed, j.w.also}):
		out.wrong = fmt.Sprintf("%d addressees, not the 2 who agreed", len(addressees(mails[0])))
	default:
		for _, enabled := range []*bool{mails[0].Mail.Tracking.Open.Enable, mails[0].Mail.Tracking.Click.Enable} {
			if enabled == nil || *enabled {
				out.wrong = "tracking is not switched off"
			}
		}
	}
	return out
}

func (j *judge) batch() judged {
	d, mails := j.of("batch")[0], j.mails("batch")
	holds := d.Status == 202 && strings.Contains(d.Detail, "201") && len(mails) == 1 && mails[0].Mail.BatchID != ""
	return judged{"batch", fmt.Sprintf("201, then %d with the batch's id", d.Status), wrongUnless(holds, d.Status, " ", d.Detail, "; ", len(mails), " mails")}
}

func (j *judge) contacts() judged {
	d := j.of("contacts")[0]
	out := judged{step: "contacts: people and fields", seen: fmt.Sprintf("%d, %d of %d people, without their city", d.Status, len(j.shown), len(j.shown)+len(j.hidden))}
	out.wrong = wrongUnless(d.Status == 200 && !strings.Contains(d.Detail, "Somewhere") && !strings.Contains(d.Detail, "contact_count"), d.Status, " ", d.Detail)
	for _, a := range j.shown {
		if !strings.Contains(d.Detail, a) {
			out.wrong = "somebody who agreed is not shown: " + d.Detail
		}
	}
	for _, a := range j.hidden {
		if strings.Contains(d.Detail, a) {
			out.wrong = "somebody is shown who did not agree"
		}
	}
	return out
}

// refused: whoever handles the vendor's errors finds ours at the same place.
func (j *judge) refused() judged {
	d := j.of("refused")[0]
	holds := d.Status == 403 && strings.Contains(d.Detail, "NOT_PERMITTED") && strings.Contains(d.Detail, `"errors"`) && len(j.mails("refused")) == 0
	if j.client == "node" { // what the SDK's own toString shows is what its users read
		holds = holds && strings.Contains(d.Shown, "(403)") && strings.Count(d.Shown, "\n") > 1
	}
	return judged{"mail to somebody who did not agree", fmt.Sprintf("%d, reason shown, no mail", d.Status), wrongUnless(holds, d.Status, " ", d.Detail, " ", d.Shown)}
}

func (j *judge) complaint() judged {
	d := j.of("complaint")[0]
	return judged{"the vendor's own error", fmt.Sprintf("%d with the vendor's words", d.Status), wrongUnless(d.Status == 400 && strings.Contains(d.Detail, "The from object must be provided"), d.Status, " ", d.Detail)}
}

func (j *judge) undeclared() judged {
	d := j.of("undeclared")[0]
	arrived := slices.ContainsFunc(j.arrived, func(r road.Request) bool { return r.Path == "/v3/api_keys" })
	return judged{"a call that nobody declared", fmt.Sprintf("%d ENDPOINT_UNKNOWN", d.Status), wrongUnless(d.Status == 403 && strings.Contains(d.Detail, "ENDPOINT_UNKNOWN") && !arrived, d.Status, " ", d.Detail)}
}

func (j *judge) busy() judged {
	d, n := j.of("busy"), len(j.mails("busy once"))
	return judged{"busy once, tried again", fmt.Sprintf("%d, %d, %d mail", d[0].Status, d[1].Status, n), wrongUnless(d[0].Status == 503 && d[1].Status == 202 && n == 1, d[0], d[1], n, " mails")}
}

// lost: the sidecar does not try again what may have happened.
func (j *judge) lost() judged {
	d, n := j.of("lost")[0], len(j.mails("lost once"))
	return judged{"the answer is lost", fmt.Sprintf("%d, %d mail", d.Status, n), wrongUnless((d.Status == 0 || d.Status >= 500) && n == 1, d.Status, " ", n, " mails")}
}
