package spread

import (
	"context"
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
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// child is a process of this program that takes orders.
type child struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
}

func startChild(ctx context.Context, name string, argument any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(argument)
	if err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: exec.CommandContext(ctx, self, "child", name, string(text))}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	c.orders, c.answers = json.NewEncoder(c.in), json.NewDecoder(out)
	return c, c.cmd.Start()
}

func (c *child) read() (told, error) {
	var t told
	if err := c.answers.Decode(&t); err != nil {
		return t, fmt.Errorf("the process of the %s ended: %w", c.name, err)
	}
	if t.Error != "" {
		return t, fmt.Errorf("%s: %s", c.name, t.Error)
	}
	return t, nil
}

func (c *child) do(o order) (told, error) {
	if err := c.orders.Encode(o); err != nil {
		return told{}, fmt.Errorf("the process of the %s ended: %w", c.name, err)
	}
	return c.read()
}

func (c *child) stop() {
	_ = c.in.Close()
	done := make(chan struct{})
	go func() { defer close(done); _ = c.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		_ = c.cmd.Process.Kill()
		<-done
	}
}

// certificate writes one for this machine that signs itself.
func certificate(folder string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	write := func(name, kind string, b []byte) error {
		return os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600)
	}
	return errors.Join(write("tls.crt", "CERTIFICATE", der), write("tls.key", "PRIVATE KEY", key))
}
