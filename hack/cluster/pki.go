package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificateLife is the life of every certificate: far longer than any local cluster is kept.
const certificateLife = 365 * 24 * time.Hour

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// leaf is a certificate to be signed: a client's by name and groups, a server's by hosts.
type leaf struct {
	file   string
	name   string
	groups []string
	hosts  []string
}

// leaves are signed by the cluster's authority. The groups are Kubernetes' own: system:masters may do everything, system:nodes is
// what the Node authorizer knows.
func leaves() []leaf {
	return []leaf{
		{file: "apiserver", name: "kube-apiserver", hosts: []string{
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + clusterDomain,
			"localhost", "127.0.0.1", nodeIP, serviceIP,
		}},
		{file: "kubelet", name: "system:node:" + nodeName, groups: []string{"system:nodes"}, hosts: []string{nodeName, nodeIP, "127.0.0.1"}},
		{file: "apiserver-kubelet-client", name: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
		{file: "admin", name: "optup-local-admin", groups: []string{"system:masters"}},
		{file: "controller-manager", name: "system:kube-controller-manager"},
		{file: "scheduler", name: "system:kube-scheduler"},
		{file: "kube-proxy", name: "system:kube-proxy"},
		{file: "coredns", name: "system:coredns"},
	}
}

// writePKI makes every key and certificate of the cluster in <state>/pki. The front proxy has an authority of its own, because
// whoever holds a certificate of it may speak in anybody's name.
func (c cluster) writePKI(now time.Time) error {
	if err := os.MkdirAll(c.in("pki"), 0o700); err != nil {
		return err
	}
	ca, err := c.newAuthority("ca", "optup-local-ca", now)
	if err != nil {
		return err
	}
	for _, l := range leaves() {
		if err := c.issue(ca, l, now); err != nil {
			return fmt.Errorf("certificate of %s: %w", l.file, err)
		}
	}
	proxyCA, err := c.newAuthority("front-proxy-ca", "optup-local-front-proxy-ca", now)
	if err != nil {
		return err
	}
	if err := c.issue(proxyCA, leaf{file: "front-proxy-client", name: "front-proxy-client"}, now); err != nil {
		return err
	}
	// RSA, because tokens of most clusters are signed with RS256, and what reads them should meet the same here.
	tokens, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	if err := c.writeKey("service-account", tokens); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(tokens.Public())
	if err != nil {
		return err
	}
	return writePEM(c.pki("service-account.pub"), "PUBLIC KEY", public, 0o644)
}

func (c cluster) newAuthority(file, name string, now time.Time) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template, err := certificateTemplate(name, nil, now)
	if err != nil {
		return authority{}, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, err
	}
	if err := c.writeKey(file, key); err != nil {
		return authority{}, err
	}
	return authority{cert: cert, key: key}, writePEM(c.pki(file+".crt"), "CERTIFICATE", der, 0o644)
}

func (c cluster) issue(ca authority, l leaf, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template, err := certificateTemplate(l.name, l.groups, now)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(l.hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range l.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return err
	}
	if err := c.writeKey(l.file, key); err != nil {
		return err
	}
	return writePEM(c.pki(l.file+".crt"), "CERTIFICATE", der, 0o644)
}

func certificateTemplate(name string, groups []string, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: groups},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(certificateLife),
	}, nil
}

func (c cluster) writeKey(file string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(c.pki(file+".key"), "PRIVATE KEY", der, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
