package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/optup/optup/internal/roots"
)

// ErrRefused reports that the mail server does not take the message, now or later (a reply of the 500s to sender, recipient or content).
var ErrRefused = errors.New("the mail server refused the message")

// TLS says how a connection is protected. There is no mode that tries and goes on without.
type TLS string

// Modes.
const (
	// StartTLS upgrades the connection (RFC 3207), or gives up.
	StartTLS TLS = "starttls"
	// Implicit speaks TLS from the start (RFC 8314).
	Implicit TLS = "tls"
	// None is for a server on this machine.
	None TLS = "none"
)

// Options say how mail is sent.
type Options struct {
	// Server is host:port.
	Server string
	// From is the sender, such as "Shop <consent@shop.example>".
	From string
	TLS  TLS
	// Authorities is a file of PEM certificates to trust instead of the system's; empty for those.
	Authorities string
	// Credentials is a file with "user:password" in its first line, read for each message so that it may change; empty for none.
	Credentials string
	// Timeout bounds each step of a connection; 0 for 20 seconds.
	Timeout time.Duration
}

// Message is one mail. It names a person, so it prints redacted.
type Message struct {
	// ID is unique, the same for the same message sent again, and says nothing about anybody.
	ID                  string
	To                  string
	Subject, Text, HTML string
	Language            string
}

// String never shows a message.
func (Message) String() string { return "message:redacted" }

// GoString never shows a message.
func (m Message) GoString() string { return m.String() }

// Server sends by one mail server. It is safe for concurrent use.
type Server struct {
	Options
	host, domain string
	port         int
	from         *mail.Address
	roots        *x509.CertPool
}

// New checks the options. It does not connect.
func New(o Options) (*Server, error) {
	s := &Server{Options: o}
	if s.Timeout == 0 {
		s.Timeout = 20 * time.Second
	}
	host, port, err := net.SplitHostPort(o.Server)
	if err == nil {
		s.port, err = strconv.Atoi(port)
	}
	if err != nil || host == "" || s.port < 1 || s.port > 65535 {
		return nil, errors.New("the mail server is host:port, such as mail.shop.example:587")
	}
	s.host = host
	if s.from, err = mail.ParseAddress(o.From); err != nil {
		return nil, errors.New(`the sender is an address, such as "Shop <consent@shop.example>"`)
	}
	_, s.domain, _ = strings.Cut(s.from.Address, "@")
	switch o.TLS {
	case StartTLS, Implicit:
	case None:
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, errors.New("without TLS, mail goes to a server on this machine only, such as 127.0.0.1:25: choose starttls or tls")
		}
	default:
		return nil, errors.New("the TLS mode is starttls, tls or none")
	}
	if o.Authorities == "" {
		roots.Ready()
	} else {
		pem, err := os.ReadFile(o.Authorities)
		if err != nil {
			return nil, fmt.Errorf("the authorities of the mail server cannot be read: %w", err)
		}
		if s.roots = x509.NewCertPool(); !s.roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("the authorities of the mail server are no certificates (PEM)")
		}
	}
	if _, _, err := s.credentials(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) credentials() (user, password string, err error) {
	if s.Credentials == "" {
		return "", "", nil
	}
	content, err := os.ReadFile(s.Credentials)
	if err != nil {
		return "", "", fmt.Errorf("the credentials for the mail server cannot be read: %w", err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	user, password, found := strings.Cut(strings.TrimRight(line, "\r"), ":")
	if !found || user == "" {
		return "", "", errors.New(`the credentials for the mail server are one line "user:password"`)
	}
	return user, password, nil
}

// Send hands a message to the server. Errors tell what happened in numbers; one that is for good wraps ErrRefused.
func (s *Server) Send(ctx context.Context, m Message) error {
	msg, err := s.message(m)
	if err != nil {
		return err
	}
	options, err := s.options()
	if err != nil {
		return err
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return errors.New("the connection to the mail server cannot be prepared")
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return told(err)
	}
	return nil
}

func (s *Server) options() ([]gomail.Option, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.host, RootCAs: s.roots}
	o := []gomail.Option{gomail.WithPort(s.port), gomail.WithTimeout(s.Timeout), gomail.WithTLSConfig(config), gomail.WithHELO(s.domain), gomail.WithoutNoop()}
	switch s.TLS {
	case Implicit:
		o = append(o, gomail.WithSSL())
	case StartTLS:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case None:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	user, password, err := s.credentials()
	if err != nil || user == "" {
		return o, err
	}
	auth := gomail.SMTPAuthAutoDiscover
	if s.TLS == None {
		auth = gomail.SMTPAuthPlainNoEnc // never leaves this machine
	}
	return append(o, gomail.WithSMTPAuth(auth), gomail.WithUsername(user), gomail.WithPassword(password)), nil
}

func (s *Server) message(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	msg.FromMailAddress(s.from)
	if err := msg.To(m.To); err != nil {
		return nil, ErrRefused // the cause repeats the address
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain)
	msg.SetDate()
	msg.SetUserAgent("OptUp")
	// Programs that answer by themselves stay quiet (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Language != "" {
		msg.SetGenHeader("Content-Language", m.Language)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// aboutMessage are the steps at which a refusal is about the message. A server that refuses the sender, or says that something is against
// its policy (5.7), was set up in another way than we were; that heals, and nothing is lost for it.
var aboutMessage = map[gomail.SendErrReason]bool{gomail.ErrSMTPRcptTo: true, gomail.ErrSMTPData: true, gomail.ErrSMTPDataClose: true}

// told says what failed without the server's words.
func told(err error) error {
	var sent *gomail.SendError
	if errors.As(err, &sent) {
		code, status := sent.ErrorCode(), sent.EnhancedStatusCode()
		if code >= 500 && code < 600 && aboutMessage[sent.Reason] && !strings.HasPrefix(status, "5.7") {
			return fmt.Errorf("%w: %d %s", ErrRefused, code, status)
		}
		return fmt.Errorf("the mail server answered %d %s", code, status)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the mail server did not answer in time")
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	if errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) {
		return errors.New("the certificate of the mail server is not valid for it; name its authorities")
	}
	return errors.New("the mail server cannot be reached, does not offer TLS, or refused the credentials")
}
