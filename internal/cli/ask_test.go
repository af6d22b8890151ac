package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/scenario"
)

// text writes a file to read.
func text(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	anna = "- {person: anna@example.org, type: given, purpose: newsletter, notice: newsletter-v1, proof: MailboxConfirmed, at: 2026-01-10T09:00:00Z}\n"
	mail = "{template_id: d-newsletter, personalizations: [{to: [{email: anna@example.org}]}, {to: [{email: bert@example.org}]}]}"
)

func ask(t *testing.T) AskOptions {
	return AskOptions{
		CompileOptions: CompileOptions{Files: []string{corpus + "/bases/shop.yaml"}},
		Method:         "post", URL: "http://api.esp/v3/mail/send", Body: text(t, mail), Ledger: text(t, anna), Clock: func() time.Time { return scenario.Now },
	}
}

func TestDecide(t *testing.T) {
	for name, tt := range map[string]struct {
		change  func(*AskOptions)
		effect  decide.Effect
		printed string
	}{
		"one of two is kept":            {func(*AskOptions) {}, decide.PermitFiltered, `forwarded    {"personalizations":[{"to":[{"email":"anna@example.org"}]}],"template_id":"d-newsletter"}`},
		"nobody is known":               {func(o *AskOptions) { o.Ledger = "" }, decide.PermitFiltered, "nobody is left, so nothing is sent"},
		"the ledger in a document":      {func(o *AskOptions) { o.Ledger = text(t, "ledger:\n"+anna) }, decide.PermitFiltered, "person 1     OK_CONSENT: The person agreed"},
		"before she agreed":             {func(o *AskOptions) { o.At = "2026-01-01T00:00:00Z" }, decide.PermitFiltered, "person 1     NO_GRANT"},
		"a host that nobody declared":   {func(o *AskOptions) { o.URL = "https://example.org:8443/x" }, decide.Deny, "POST example.org:8443/x"},
		"a template that no rule names": {func(o *AskOptions) { o.Body = text(t, "{template_id: d-other}") }, decide.Deny, "reason       PURPOSE_UNDECLARED: No rule"},
		"a path with a query":           {func(o *AskOptions) { o.Method, o.URL, o.Body = "", "http://customers.crm/v1/customers?page=2", "" }, decide.Permit, "GET customers.crm:80/v1/customers,"},
		"the request in a file": {func(o *AskOptions) {
			o.URL, o.Request = "", text(t, "request: {method: POST, host: api.esp, path: /v3/mail/send, body: "+mail+"}")
		}, decide.PermitFiltered, "OK_CONSENT"},
		"facts that are too old": {func(o *AskOptions) {
			o.URL, o.Request = "", text(t, "age: 1h\nrequest: {method: POST, host: api.esp, path: /v3/mail/send, body: "+mail+"}")
		}, decide.Deny, "LEDGER_BEHIND"},
		"the body on standard input": {func(o *AskOptions) { o.Body, o.Input = "-", strings.NewReader(mail) }, decide.PermitFiltered, "OK_CONSENT"},
		"the workload named":         {func(o *AskOptions) { o.Workload, o.Namespace = "Deployment/mailer", "marketing" }, decide.PermitFiltered, "sent by Deployment/mailer"},
		"a field that nobody declared, denied": {func(o *AskOptions) {
			o.Body = text(t, strings.Replace(mail, "email: anna", "born: 1980, email: anna", 1))
		}, decide.Deny, "CATEGORY_NOT_COVERED"},
	} {
		t.Run(name, func(t *testing.T) {
			o := ask(t)
			tt.change(&o)
			d, err := Decide(o)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := PrintDecided(&out, d); err != nil || d.Effect != tt.effect || !strings.Contains(out.String(), tt.printed) {
				t.Errorf("%v, no %q in\n%s", err, tt.printed, out.String())
			}
		})
	}
}

func TestWhatCannotBeDecided(t *testing.T) {
	two := strings.Replace(policyOnly, "metadata: {name: p}", "metadata: {name: p, namespace: marketing}", 1)
	for wrong, change := range map[string]func(*AskOptions){
		"--url: give an address":              func(o *AskOptions) { o.URL = "api.esp/v3/mail/send" },
		"what is asked":                       func(o *AskOptions) { o.URL = "" },
		"not both":                            func(o *AskOptions) { o.Request = "x" },
		"--request: ":                         func(o *AskOptions) { o.URL, o.Request = "", text(t, "request: {methd: GET}") },
		"a method and a host":                 func(o *AskOptions) { o.URL, o.Request = "", text(t, "request: {path: /}") },
		"--ledger: ":                          func(o *AskOptions) { o.Ledger = "absent.yaml" },
		"ledger entry 1":                      func(o *AskOptions) { o.Ledger = text(t, "- {person: anna@example.org, type: gven}") },
		"no list of events":                   func(o *AskOptions) { o.Ledger = text(t, "x: 1") },
		"--at: ":                              func(o *AskOptions) { o.At = "yesterday" },
		"--header: ":                          func(o *AskOptions) { o.Headers = []string{"x"} },
		"read for one thing only":             func(o *AskOptions) { o.Body, o.Ledger, o.Input = "-", "-", strings.NewReader(mail) },
		"marketing/Job/nightly":               func(o *AskOptions) { o.Files = append(o.Files, text(t, two)) },
		"marketing/Deployment/mailer":         func(o *AskOptions) { o.Workload = "Deployment/x" },
		"no workload in a governed namespace": func(o *AskOptions) { o.Namespace = "sales" },
	} {
		t.Run(wrong, func(t *testing.T) {
			o := ask(t)
			change(&o)
			if _, err := Decide(o); err == nil || !strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "anna") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestExplainPrintsSentencesAndLines(t *testing.T) {
	e, _, err := Explain(ask(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := PrintExplanation(&out, e); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"PERMIT-FILTERED: ", "Person 1 of 2 (body): may be used, OK_CONSENT", "Person 2 of 2 (body): may not be used, NO_GRANT",
		"  --  rule         The rule marketing/mailer/invoice, for the purpose transactional, does not match: Body /template_id is",
		"  no  ground       The ground \"consent\" does not carry", "[NO_GRANT, GDPR Art. 6(1)(a)]",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if !regexp.MustCompile(`DataPurpose newsletter  \.\./\.\./test/corpus/bases/shop\.yaml:\d+  spec\.legalGrounds\[0\]`).MatchString(out.String()) {
		t.Errorf("no line of the ground in\n%s", out.String())
	}
	if strings.Contains(out.String(), "anna") {
		t.Errorf("a person is named:\n%s", out.String())
	}
}

func TestExplainCases(t *testing.T) {
	some, err := ExplainCases(corpus, regexp.MustCompile("^objection/.*the newsletter stops"))
	if err != nil || len(some) != 1 || !strings.HasPrefix(some[0].Gates[0].Causes[0].File, corpus) {
		t.Errorf("%+v, %v", some, err)
	}
	if _, err := ExplainCases(corpus, regexp.MustCompile("^nothing$")); err == nil {
		t.Error("nothing is explained, and that is no error")
	}
}
