package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// apiClient speaks to the API server with the administrator's certificate. It is for the few requests that are made again and
// again; everything else goes through kubectl.
func (c cluster) apiClient() (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(c.pki("admin.crt"), c.pki("admin.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.pki("ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}}, nil
}

// apiGet returns the body of a successful answer.
func (c cluster) apiGet(ctx context.Context, path string) ([]byte, error) {
	client, err := c.apiClient()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	return c.apiCall(ctx, client, http.MethodGet, path, "")
}

// apiCall sends one request; body is a JSON merge patch or empty.
func (c cluster) apiCall(ctx context.Context, client *http.Client, method, path, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.server()+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s answers %s", method, path, response.Status)
	}
	return data, err
}

func (c cluster) nodeReady(ctx context.Context) error {
	data, err := c.apiGet(ctx, "/api/v1/nodes/"+nodeName)
	if err != nil {
		return err
	}
	var node struct {
		Spec   struct{ Taints []struct{ Key string } }
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := json.Unmarshal(data, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status != "True" {
			return fmt.Errorf("the node is not ready: %s", condition.Message)
		}
	}
	if len(node.Status.Conditions) == 0 || len(node.Spec.Taints) > 0 {
		return errors.New("the node does not take pods yet")
	}
	return nil
}

// kubectl runs the built kubectl on the local cluster and returns what it said when it failed.
func (c cluster) kubectl(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, c.program("kubectl"), append([]string{"--kubeconfig", c.kubeconfig("admin")}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
