package mailpit

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Server is a running mail server.
type Server struct {
	// SMTP is its address, host:port, API the URL of what it kept.
	SMTP, API string
	// Authorities is a file with the certificate of a server with TLS.
	Authorities string
	output      bytes.Buffer
}

// Options say how a server behaves.
type Options struct {
	// StartTLS offers the upgrade and requires it, TLS speaks it from the start.
	StartTLS, TLS bool
	// User and Password are required of whoever sends; empty for nobody.
	User, Password string
	// Accept is a regular expression of the only recipients that it takes; empty for all.
	Accept string
}

// binary finds Mailpit in bin/ of the module that the test is in.
func binary() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the test is in no module")
		}
	}
	path := filepath.Join(dir, "bin", "mailpit")
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("these tests need the mail server Mailpit in bin/: run `make mailpit`")
	}
	return path, nil
}

// Start starts a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // a free port may be taken by somebody else until it is listened on
		s, err := start(t, path, o)
		if err == nil {
			return s
		}
		t.Log(err)
	}
	t.Fatal("the mail server does not start")
	return nil
}

func start(t testing.TB, path string, o Options) (*Server, error) {
	t.Helper()
	s := &Server{}
	var err error
	if s.SMTP, err = free(); err != nil {
		return nil, err
	}
	web, err := free()
	if err != nil {
		return nil, err
	}
	s.API = "http://" + web
	dir := t.TempDir()
	args := []string{"--database", filepath.Join(dir, "mail.db"), "--smtp", s.SMTP, "--listen", web, "--disable-version-check", "--smtp-disable-rdns", "--enable-chaos"}
	if o.StartTLS || o.TLS {
		var key string
		if s.Authorities, key, err = certificate(dir); err != nil {
			return nil, err
		}
		args = append(args, "--smtp-tls-cert", s.Authorities, "--smtp-tls-key", key)
		if o.TLS {
			args = append(args, "--smtp-require-tls")
		} else {
			args = append(args, "--smtp-require-starttls")
		}
	}
	if o.User != "" {
		file := filepath.Join(dir, "users")
		if err := os.WriteFile(file, []byte(o.User+":"+o.Password+"\n"), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--smtp-auth-file", file)
		if !o.StartTLS && !o.TLS {
			args = append(args, "--smtp-auth-allow-insecure")
		}
	}
	if o.Accept != "" {
		args = append(args, "--smtp-allowed-recipients", o.Accept)
	}
	// The shell ends the server when its input ends, which this process holds.
	cmd := exec.Command("sh", append([]string{"-c", `"$@" < /dev/null & server=$!; cat > /dev/null; kill -9 $server`, "sh", path}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = errors.Join(in.Close(), cmd.Wait()) }) // it is killed, which is no fault
	for range 200 {
		if res, err := http.Get(s.API + "/livez"); err == nil { //nolint:noctx // a probe on loopback
			_ = res.Body.Close()
			return s, nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return nil, errors.New("the mail server does not answer")
}

func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // on loopback
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// certificate writes a certificate for this machine that is its own authority.
func certificate(dir string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "mail.crt"), filepath.Join(dir, "mail.key")
	return cert, key, errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600),
	)
}

// Mail is a message that was kept.
type Mail struct {
	ID        string
	MessageID string
	Subject   string
	Text      string
	HTML      string
	To        []struct{ Address string }
	// Header holds every header.
	Header http.Header `json:"-"`
}

// Mails gives what was kept for an address, the newest first.
func (s *Server) Mails(t testing.TB, address string) []Mail {
	t.Helper()
	var list struct{ Messages []Mail }
	s.get(t, "/api/v1/messages?limit=500", &list)
	var out []Mail
	for _, m := range list.Messages {
		if len(m.To) != 1 || m.To[0].Address != address {
			continue
		}
		var whole Mail
		s.get(t, "/api/v1/message/"+m.ID, &whole)
		s.get(t, "/api/v1/message/"+m.ID+"/headers", &whole.Header)
		out = append(out, whole)
	}
	return out
}

// Fail makes the server answer a step with a code for a share of messages, in percent: "Sender", "Recipient" or "Authentication".
func (s *Server) Fail(t testing.TB, step string, code, percent int) {
	t.Helper()
	body := fmt.Sprintf(`{%q:{"ErrorCode":%d,"Probability":%d}}`, step, code, percent)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.API+"/api/v1/chaos", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s, %v", res.StatusCode, text, err)
	}
}

func (s *Server) get(t testing.TB, path string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.API+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", path, res.StatusCode, err)
	}
}
