package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/testkit/mailpit"
)

var letter = Message{
	ID: "0123abcd", To: "ada.lovelace@example.org", Subject: "Bitte bestätigen", Text: "Guten Tag,\n\nhier: https://shop.example/confirm?token=x\n",
	HTML: "<p>Grüße</p>", Language: "de",
}

func server(t *testing.T, o Options) *Server {
	t.Helper()
	o.From = "Shop <consent@shop.example>"
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMailsArriveAsTheyWereWritten(t *testing.T) {
	users := filepath.Join(t.TempDir(), "mail.auth")
	if err := os.WriteFile(users, []byte("shop:secret:with:colons\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		on   mailpit.Options
		mode TLS
	}{
		"by STARTTLS with a password":     {mailpit.Options{StartTLS: true, User: "shop", Password: "secret:with:colons"}, StartTLS},
		"by TLS from the start":           {mailpit.Options{TLS: true, User: "shop", Password: "secret:with:colons"}, Implicit},
		"on this machine without TLS":     {mailpit.Options{}, None},
		"on this machine with a password": {mailpit.Options{User: "shop", Password: "secret:with:colons"}, None},
	} {
		t.Run(name, func(t *testing.T) {
			m := mailpit.Start(t, c.on)
			o := Options{Server: m.SMTP, TLS: c.mode, Authorities: m.Authorities}
			if c.on.User != "" {
				o.Credentials = users
			}
			if err := server(t, o).Send(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
			got := m.Mails(t, letter.To)
			if len(got) != 1 {
				t.Fatalf("%d mails", len(got))
			}
			g := got[0]
			if g.Subject != letter.Subject || strings.TrimSpace(strings.ReplaceAll(g.Text, "\r", "")) != strings.TrimSpace(letter.Text) || !strings.Contains(g.HTML, letter.HTML) {
				t.Errorf("subject %q, text %q, HTML %q", g.Subject, g.Text, g.HTML)
			}
			for header, want := range map[string]string{
				"Auto-Submitted": "auto-generated", "Message-Id": "<0123abcd@shop.example>", "Content-Language": "de", "From": `"Shop" <consent@shop.example>`,
			} {
				if have := g.Header.Get(header); have != want {
					t.Errorf("%s: %q, want %q", header, have, want)
				}
			}
		})
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	open := mailpit.Start(t, mailpit.Options{})
	secure := mailpit.Start(t, mailpit.Options{StartTLS: true, User: "shop", Password: "secret"})
	choosy := mailpit.Start(t, mailpit.Options{Accept: `@shop\.example$`})
	busy := mailpit.Start(t, mailpit.Options{})
	busy.Fail(t, "Recipient", 451, 100)
	strict := mailpit.Start(t, mailpit.Options{})
	strict.Fail(t, "Sender", 550, 100)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	wrong := filepath.Join(t.TempDir(), "mail.auth")
	if err := os.WriteFile(wrong, []byte("shop:wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o       Options
		refused bool
		want    string
	}{
		"a server without TLS is not talked to":        {Options{Server: open.SMTP, TLS: StartTLS}, false, "does not offer TLS"},
		"a certificate of nobody is not trusted":       {Options{Server: secure.SMTP, TLS: StartTLS}, false, "certificate"},
		"a wrong password is tried again":              {Options{Server: secure.SMTP, TLS: StartTLS, Authorities: secure.Authorities, Credentials: wrong}, false, "credentials"},
		"a recipient that is refused is for good":      {Options{Server: choosy.SMTP, TLS: None}, true, "refused the message: 5"},
		"a busy server is tried again":                 {Options{Server: busy.SMTP, TLS: None}, false, "answered 451"},
		"a sender that is refused is tried again":      {Options{Server: strict.SMTP, TLS: None}, false, "answered 550"},
		"a server that says nothing is not waited for": {Options{Server: silent.Addr().String(), TLS: None, Timeout: 300 * time.Millisecond}, false, "mail server"},
		"nobody there is tried again":                  {Options{Server: "127.0.0.1:1", TLS: None}, false, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := server(t, c.o).Send(ctx, letter)
			if err == nil || errors.Is(err, ErrRefused) != c.refused || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("err = %v", err)
			}
			if strings.Contains(err.Error(), "ada") {
				t.Error("the error names a person")
			}
		})
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	from := "consent@shop.example"
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"no port":                        {Options{Server: "mail.shop.example", From: from, TLS: StartTLS}, "host:port"},
		"a port that is none":            {Options{Server: "mail.shop.example:smtp", From: from, TLS: StartTLS}, "host:port"},
		"no sender":                      {Options{Server: "mail.shop.example:587", TLS: StartTLS}, "sender"},
		"no TLS beyond this machine":     {Options{Server: "mail.shop.example:25", From: from, TLS: None}, "this machine only"},
		"a mode that tries":              {Options{Server: "mail.shop.example:25", From: from, TLS: "opportunistic"}, "starttls, tls or none"},
		"authorities that are no such":   {Options{Server: "mail.shop.example:587", From: from, TLS: StartTLS, Authorities: empty}, "PEM"},
		"credentials that are not there": {Options{Server: "mail.shop.example:587", From: from, TLS: StartTLS, Credentials: empty + "x"}, "cannot be read"},
		"credentials without a password": {Options{Server: "mail.shop.example:587", From: from, TLS: StartTLS, Credentials: empty}, "user:password"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", letter, letter, &letter); strings.Contains(text, "ada") {
		t.Error(text)
	}
}
