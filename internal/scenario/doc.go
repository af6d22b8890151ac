// Package scenario reads folders of decisions and runs them: objects of the API, what a ledger has seen, requests, and what has to
// become of them, each in a sentence of its own. Such folders test OptUp itself (test/corpus) and the policies of its users.
//
// It decides nothing: objects take the same road as in a cluster, from internal/manifest and internal/translate through
// internal/compile to internal/decide and internal/enforce. It knows no cluster and no network. What a decision should be is
// written by hand in decisions.yaml and never generated. Readers are the command line and the tests of compiler and sidecar.
//
// # Format
//
// A case is a folder <area>/<sentence> with case.yaml, decisions.yaml and, where needed, input.yaml with more objects. case.yaml:
//
//	uses: [shop]                 # bases/<name>.yaml
//	why: "UWG §7(2) no. 2"
//	workload: Deployment/mailer
//	ledger:                      # in the order in which it happened; the first has position 1
//	- {person: anna@example.org, type: given, purpose: newsletter, notice: newsletter-v1, proof: MailboxConfirmed, at: 2026-01-10T09:00:00Z}
//	- {person: "phone:+4930123456", type: objected, scope: all}
//	- {person: {type: device, value: d-1}, type: refused, purpose: newsletter, at: 2026-01-11T09:00:00Z}
//	- {person: anna@example.org, type: linked, with: {type: device, value: d-1}, at: 2026-01-12T09:00:00Z}
//
// Identifiers that are linked inherit restrictions from each other, as consent.Links says, until "unlinked" with the same two ends it.
// A device that is linked to two e-mail addresses stands for nobody in particular (Record.Ambiguous), and makes nobody of them known to
// the other. An event counts from its "at" on; one without counts always. What a ledger would refuse counts never.
//
// decisions.yaml:
//
//	decisions:
//	- name: a sentence
//	  now: 2026-06-01T12:00:00Z  # the ledger's time; 2026-04-01T12:00:00Z if left out
//	  age: 31s                   # how old the facts are, or never; fresh if left out
//	  request:
//	    method: POST
//	    host: api.esp
//	    port: 80                 # if left out
//	    path: /v1/people?email=anna@example.org   # as written in the request
//	    headers: {X-Campaign: spring}
//	    body: {template_id: d-newsletter}
//	  answer: {customers: []}    # what the service would answer
//	  answerStatus: 404          # a success if left out
//	  expect:
//	    effect: permit-filtered
//	    purpose: newsletter
//	    reasons: [NOT_PERMITTED, OK_CONSENT]      # public ones, sorted
//	    people: [OK_CONSENT, NO_GRANT]            # in the order path, query, body, answer
//	    obligations: [click-tracking-off]
//	    forwarded: {template_id: d-newsletter}    # what reaches the service; null for a request that is not sent
//	    forwardedAll: [{}, {}]                    # instead, where a request is sent in groups
//	    returned: {customers: []}                 # what the application gets
//
// A body that is a text is sent as it is, by the content type of the format that the endpoint declares; one that is a value is sent as
// JSON. Headers may name another Content-Type. What is forwarded and returned is a text wherever the format is not JSON.
//
// Bodies are compared where they are given, everything else always. Nobody in the answer of a request that is denied is decided about.
package scenario
