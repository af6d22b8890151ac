package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/testkit/mailpit"
)

// TestServeAsksByMail: an answer at a touchpoint brings a mail with the wording, by the mail server that the flags name, and the address is
// in no metric and no file.
func TestServeAsksByMail(t *testing.T) {
	const ada = "ada.lovelace@seeded.example"
	dir, args := folder(t)
	b := ledgertest.NewBundle("newsletter")
	b.Notices[0].Texts = []ir.Text{ir.TextOf("de", "Ja, den Newsletter bitte.")}
	b.Touchpoints[0].Confirmation = &ir.Confirmation{Proof: consent.ProofMailboxConfirmed, ValidForHours: 72, AgainAfterHours: 24}
	encoded, err := ir.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "bundle.json"), encoded)
	mails := mailpit.Start(t, mailpit.Options{StartTLS: true, User: "shop", Password: "secret"})
	api, admin, stop := start(t, http.DefaultClient, "http", append(args, "--public-url", "https://consent.shop.example",
		"--smtp-server", mails.SMTP, "--smtp-from", "Shop <consent@shop.example>", "--smtp-trust", mails.Authorities,
		"--smtp-credentials", write(t, filepath.Join(dir, "mail.auth"), []byte("shop:secret\n"))))
	answer := `{"identifiers":[{"type":"email","value":"` + ada + `"}],"language":"de","answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}]}`
	if status, body := call(t, http.DefaultClient, "POST", api+"/v1/touchpoints/shop/form/answers", answer); status/100 != 2 || !strings.Contains(body, "pending") {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := call(t, http.DefaultClient, "POST", api+"/v1/people/withdrawal-links", `{"purpose":"newsletter","addresses":["`+ada+`"]}`); status != 200 ||
		!strings.Contains(body, "https://consent.shop.example/withdraw?token=") {
		t.Fatalf("%d %s", status, body)
	}
	var got []mailpit.Mail
	for end := time.Now().Add(30 * time.Second); len(got) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		got = mails.Mails(t, ada)
	}
	if len(got) != 1 || !strings.Contains(got[0].Text, "Ja, den Newsletter bitte.") || !regexp.MustCompile(`https://consent\.shop\.example/confirm\?token=`).MatchString(got[0].Text) {
		t.Fatalf("%d mails", len(got))
	}
	var metrics string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, metrics = call(t, http.DefaultClient, "GET", admin+"/metrics", ""); strings.Contains(metrics, `optup_ledger_mails_total{outcome="sent"} 1`) {
			break
		}
	}
	for _, want := range []string{`optup_ledger_mails_total{outcome="sent"} 1`, "optup_ledger_mails_waiting 0", "optup_ledger_mails_oldest_seconds 0"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
	if strings.Contains(metrics, "lovelace") {
		t.Error("the metrics hold a person")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(filepath.Join(dir, "data"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("lovelace")) {
			t.Errorf("%s holds a person", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestMailFlagsThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		flags  mailFlags
		public string
		want   string
	}{
		"a sender without a server":         {mailFlags{from: "consent@shop.example", tls: "starttls"}, "https://consent.example", "--smtp-server"},
		"a server without a public address": {mailFlags{server: "mail.shop.example:587", from: "consent@shop.example", tls: "starttls"}, "", "--public-url"},
		"no sender":                         {mailFlags{server: "mail.shop.example:587", tls: "starttls"}, "https://consent.example", "sender"},
		"no TLS beyond this machine":        {mailFlags{server: "mail.shop.example:25", from: "consent@shop.example", tls: "none"}, "https://consent.example", "this machine only"},
	} {
		if _, err := c.flags.sender(c.public); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err := (&mailFlags{tls: "starttls"}).sender(""); s != nil || err != nil {
		t.Errorf("no mail server: %v", err)
	}
}
