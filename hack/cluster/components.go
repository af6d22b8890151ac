package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// component is one process of the cluster. Its arguments always name a path below the state or the run folder: that is how
// cleanup.go tells a process of this cluster from another that runs the same program.
type component struct {
	name    string
	program string
	args    []string
	// ready returns nil as soon as the process does its work; nil where nothing waits for it.
	ready func(context.Context) error
}

// storage are the processes that need nothing of the others.
func (c cluster) storage() []component {
	return []component{
		{name: "registry", program: c.program("optup-cluster"), args: []string{"registry", "--dir", c.in("registry")}, ready: answersHTTP("http://" + registryAddr + "/v2/")},
		{name: "etcd", program: c.program("etcd"), args: []string{
			"--data-dir", c.in("etcd"), "--name", "default", "--log-level", "warn",
			"--listen-client-urls", "unix://" + c.socket("etcd"), "--advertise-client-urls", "unix://" + c.socket("etcd"),
			"--listen-peer-urls", "unix://" + c.socket("etcd-peer"), "--initial-advertise-peer-urls", "unix://" + c.socket("etcd-peer"),
			"--initial-cluster", "default=unix://" + c.socket("etcd-peer"),
			// A test cluster that loses its last second after a power cut is made anew anyway.
			"--unsafe-no-fsync",
		}, ready: answersSocket(c.socket("etcd"))},
		{name: "containerd", program: c.program("containerd"), args: []string{"--config", c.config("containerd.toml")}, ready: answersSocket(c.socket("containerd"))},
	}
}

func (c cluster) apiServer() component {
	return component{name: "kube-apiserver", program: c.program("kube-apiserver"), args: []string{
		"--etcd-servers=unix://" + c.socket("etcd"),
		"--bind-address=" + nodeIP, "--advertise-address=" + nodeIP, "--secure-port=" + apiPort,
		"--tls-cert-file=" + c.pki("apiserver.crt"), "--tls-private-key-file=" + c.pki("apiserver.key"),
		"--client-ca-file=" + c.pki("ca.crt"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--service-cluster-ip-range=" + serviceRange,
		"--service-account-issuer=" + serviceIssuer, "--service-account-jwks-uri=" + serviceIssuer + "/openid/v1/jwks",
		"--service-account-key-file=" + c.pki("service-account.pub"), "--service-account-signing-key-file=" + c.pki("service-account.key"),
		"--kubelet-certificate-authority=" + c.pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + c.pki("apiserver-kubelet-client.crt"), "--kubelet-client-key=" + c.pki("apiserver-kubelet-client.key"),
		"--requestheader-client-ca-file=" + c.pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.pki("front-proxy-client.crt"), "--proxy-client-key-file=" + c.pki("front-proxy-client.key"),
	}, ready: func(ctx context.Context) error { _, err := c.apiGet(ctx, "/readyz"); return err }}
}

// workers are the processes that need the API server and, among each other, no order.
func (c cluster) workers() []component {
	return []component{
		{name: "kubelet", program: c.program("kubelet"), args: []string{
			"--config=" + c.config("kubelet.yaml"), "--kubeconfig=" + c.kubeconfig("kubelet"),
			"--root-dir=" + c.in("kubelet"), "--hostname-override=" + nodeName, "--node-ip=" + nodeIP,
		}, ready: answersHTTP("http://127.0.0.1:10248/healthz")},
		{name: "kube-controller-manager", program: c.program("kube-controller-manager"), args: []string{
			"--kubeconfig=" + c.kubeconfig("controller-manager"), "--bind-address=127.0.0.1", "--leader-elect=false",
			"--use-service-account-credentials=true", "--root-ca-file=" + c.pki("ca.crt"),
			"--service-account-private-key-file=" + c.pki("service-account.key"),
			"--cluster-signing-cert-file=" + c.pki("ca.crt"), "--cluster-signing-key-file=" + c.pki("ca.key"),
		}},
		{name: "kube-scheduler", program: c.program("kube-scheduler"), args: []string{
			"--kubeconfig=" + c.kubeconfig("scheduler"), "--bind-address=127.0.0.1", "--leader-elect=false",
		}},
		{name: "kube-proxy", program: c.program("kube-proxy"), args: []string{"--config=" + c.config("kube-proxy.yaml")}, ready: answersHTTP("http://127.0.0.1:10256/healthz")},
		{name: "coredns", program: c.program("coredns"), args: []string{"-conf", c.config("Corefile")}, ready: answersDNS},
		{name: "volumes", program: c.program("optup-cluster"), args: []string{"volumes", "--dir", c.in("volumes")}},
		{name: "policies", program: c.program("optup-cluster"), args: []string{"policies", "--dir", c.in("policies")}},
	}
}

// components is every process in starting order.
func (c cluster) components() []component {
	return append(append(c.storage(), c.apiServer()), c.workers()...)
}

func answersHTTP(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}

func answersSocket(path string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// answersDNS asks the cluster's own name server for the one name that every cluster has.
func answersDNS(ctx context.Context) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, nodeIP+":53")
	}}
	name := "kubernetes.default.svc." + clusterDomain + "."
	addresses, err := resolver.LookupHost(ctx, name)
	if err != nil {
		return err
	}
	if len(addresses) != 1 || addresses[0] != serviceIP {
		return fmt.Errorf("%s is %v instead of %s", name, addresses, serviceIP)
	}
	return nil
}

var errNoCluster = errors.New("no local cluster is up; start it with: go -C hack/cluster run . up")

// exists tells whether a cluster was started and not taken down, however it fares.
func (c cluster) exists() bool {
	_, err := os.Stat(c.kubeconfig("admin"))
	return err == nil
}
