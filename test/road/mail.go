package road

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// mailHost is the mail server's name in the cluster.
const mailHost = "mail.consent.svc"

// Mail brings up a mail server, and has the ledger serve people at a public address and ask them by mail. It waits until every replica does.
func (r *Road) Mail(ctx context.Context, publicURL string) error {
	cert, key, err := certificate(mailHost)
	if err != nil {
		return err
	}
	s := &corev1.Secret{Data: map[string][]byte{"tls.crt": cert, "tls.key": key, "login": []byte("ledger:only-for-tests\n")}}
	s.Namespace, s.Name = "consent", "mail"
	if err := client.IgnoreAlreadyExists(r.Create(ctx, s)); err != nil {
		return err
	}
	if err := r.Apply(ctx, filepath.Join(r.Root, "test/road/mailpit.yaml")); err != nil {
		return err
	}
	if err := r.Ready(ctx, "consent", "mail"); err != nil {
		return err
	}
	l := &v1alpha1.ConsentLedger{}
	l.Namespace, l.Name = "consent", "main"
	patch := fmt.Sprintf(`{"spec":{"pages":{"publicURL":%q},"mail":{"server":"%s:587","from":"Gartenhaus Grün <consent@gartenhaus.example>",
	  "credentialsSecretRef":{"name":"mail","key":"login"},"authoritiesSecretRef":{"name":"mail","key":"tls.crt"}}}}`, publicURL, mailHost)
	if err := r.Patch(ctx, l, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		return err
	}
	err = r.Until(ctx, 30*time.Second, "the ledger is told its public address", func(ctx context.Context) (bool, error) {
		var d appsv1.Deployment
		err := r.Client.Get(ctx, types.NamespacedName{Namespace: "consent", Name: "main-ledger"}, &d)
		return err == nil && slices.Contains(d.Spec.Template.Spec.Containers[0].Args, publicURL), err
	})
	if err != nil {
		return err
	}
	return r.Ready(ctx, "consent", "main-ledger")
}

// Letter is a message that the mail server took.
type Letter struct{ Subject, Text string }

// Letters are the messages to an address, the newest first.
func (r *Road) Letters(ctx context.Context, address string) ([]Letter, error) {
	p, err := r.Pod(ctx, "consent", App("mail"))
	if err != nil {
		return nil, err
	}
	var list struct {
		Messages []struct {
			ID string
			To []struct{ Address string }
		}
	}
	if err := r.Ask(ctx, p, 8025, "/api/v1/messages?limit=500", &list); err != nil {
		return nil, err
	}
	var out []Letter
	for _, m := range list.Messages {
		if len(m.To) != 1 || m.To[0].Address != address {
			continue
		}
		var one Letter
		if err := r.Ask(ctx, p, 8025, "/api/v1/message/"+m.ID, &one); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// certificate makes a certificate for a host that is its own authority.
func certificate(host string) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{host}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	raw, bad := x509.MarshalPKCS8PrivateKey(private)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), errors.Join(err, bad)
}
