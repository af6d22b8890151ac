package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"testing"
)

type ctx = context.Context

// clientHello gives the bytes with which a TLS client begins.
func clientHello(t *testing.T, name string) string {
	t.Helper()
	var sent bytes.Buffer
	client, server := net.Pipe()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}).Handshake()
		_ = client.Close()
	}()
	buf := make([]byte, 16<<10)
	n, err := server.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	sent.Write(buf[:n])
	return sent.String()
}

func TestServerNameIsReadFromPartsOfAHello(t *testing.T) {
	whole := []byte(clientHello(t, "Customers.CRM"))
	for i := 6; i < len(whole); i++ {
		if _, complete, _ := serverName(whole[:i]); complete {
			t.Fatalf("%d of %d bytes count as a hello", i, len(whole))
		}
	}
	if name, complete, _ := serverName(whole); !complete || hostName(name) != "customers.crm" {
		t.Errorf("name %q, complete %v", name, complete)
	}
}
