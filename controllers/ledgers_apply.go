package controllers

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/translate"
)

// step makes one object what it has to be.
type step struct {
	object client.Object
	change func() error
}

// apply brings the objects of a ledger about, and gives how many replicas are ready.
func (r *Ledgers) apply(ctx context.Context, l *v1alpha1.ConsentLedger) (int32, error) {
	if err := r.around(ctx, l); err != nil {
		return 0, err
	}
	pods, ready := r.pods(l)
	if err := r.make(ctx, l, pods); err != nil {
		return 0, err
	}
	return ready(), r.unneeded(ctx, l)
}

// around brings about what the pods of a ledger read, and what leads to them.
func (r *Ledgers) around(ctx context.Context, l *v1alpha1.ConsentLedger) error {
	if err := r.rootKey(ctx, l); err != nil {
		return err
	}
	config, err := ledgerConfig(l, r.LedgerOptions)
	if err != nil {
		return err
	}
	account := &corev1.ServiceAccount{ObjectMeta: named(l, translate.LedgerName(l))}
	files := &corev1.ConfigMap{ObjectMeta: named(l, translate.LedgerName(l)+"-config")}
	certificate := &corev1.Secret{ObjectMeta: named(l, translate.LedgerName(l)+"-tls"), Type: corev1.SecretTypeTLS}
	service := &corev1.Service{ObjectMeta: named(l, translate.LedgerName(l))}
	steps := []step{
		{account, func() error { no := false; account.AutomountServiceAccountToken = &no; return nil }},
		{files, func() error { files.Data = config; return nil }},
		{certificate, func() error { return r.certificate(l, certificate) }},
		{service, func() error { ledgerService(l, service); return nil }},
	}
	if l.Spec.Pages != nil {
		service := &corev1.Service{ObjectMeta: named(l, pagesName(l))}
		steps = append(steps, step{service, func() error { ledgerPages(l, service); return nil }})
	}
	return r.make(ctx, l, steps)
}

// make takes steps.
func (r *Ledgers) make(ctx context.Context, l *v1alpha1.ConsentLedger, steps []step) error {
	for _, s := range steps {
		_, err := controllerutil.CreateOrUpdate(ctx, r.Client, s.object, func() error {
			labels := s.object.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			maps.Copy(labels, owned(ledgerLabels(l)))
			s.object.SetLabels(labels)
			if err := s.change(); err != nil {
				return err
			}
			return controllerutil.SetControllerReference(l, s.object, r.Scheme())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pods are the objects that run a ledger, by its storage.
func (r *Ledgers) pods(l *v1alpha1.ConsentLedger) (steps []step, ready func() int32) {
	if l.Spec.Storage.Postgres == nil {
		set := &appsv1.StatefulSet{ObjectMeta: named(l, translate.LedgerName(l))}
		return []step{{set, func() error { ledgerSet(l, r.LedgerOptions, set); return nil }}}, func() int32 { return set.Status.ReadyReplicas }
	}
	d := &appsv1.Deployment{ObjectMeta: named(l, translate.LedgerName(l))}
	steps = []step{{d, func() error { ledgerDeployment(l, r.LedgerOptions, d); return nil }}}
	if ledgerReplicas(l) > 1 {
		b := &policyv1.PodDisruptionBudget{ObjectMeta: named(l, translate.LedgerName(l))}
		steps = append(steps, step{b, func() error { ledgerBudget(l, b); return nil }})
	}
	return steps, func() int32 { return d.Status.ReadyReplicas }
}

// unneeded takes away what a ledger had and is not to have any more: the Service of its pages, and the budget of one that has come down
// to one replica.
func (r *Ledgers) unneeded(ctx context.Context, l *v1alpha1.ConsentLedger) error {
	if l.Spec.Pages == nil {
		if err := r.drop(ctx, l, &corev1.Service{ObjectMeta: named(l, pagesName(l))}); err != nil {
			return err
		}
	}
	if l.Spec.Storage.Postgres == nil || ledgerReplicas(l) > 1 {
		return nil
	}
	return r.drop(ctx, l, &policyv1.PodDisruptionBudget{ObjectMeta: named(l, translate.LedgerName(l))})
}

// drop deletes an object that is the ledger's.
func (r *Ledgers) drop(ctx context.Context, l *v1alpha1.ConsentLedger, o client.Object) error {
	err := r.Get(ctx, client.ObjectKeyFromObject(o), o)
	if err == nil && metav1.IsControlledBy(o, l) {
		err = r.Delete(ctx, o)
	}
	return client.IgnoreNotFound(err)
}

func named(l *v1alpha1.ConsentLedger, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: l.Namespace, Name: name}
}

// pagesName is the Service of the pages: one of its own, so that what an ingress leads to is the pages alone.
func pagesName(l *v1alpha1.ConsentLedger) string { return translate.LedgerName(l) + "-pages" }

func keysName(l *v1alpha1.ConsentLedger) string { return translate.LedgerName(l) + "-keys" }

// rootKey makes the ledger's root key once. It has no owner and is never written again: deleting a ConsentLedger by mistake must not
// lose the link from people to what they agreed to.
func (r *Ledgers) rootKey(ctx context.Context, l *v1alpha1.ConsentLedger) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	immutable := true
	s := &corev1.Secret{
		ObjectMeta: named(l, keysName(l)), Immutable: &immutable,
		Data: map[string][]byte{"root": []byte(base64.StdEncoding.EncodeToString(key))},
	}
	s.Labels = owned(ledgerLabels(l))
	had := &corev1.Secret{}
	err := r.Get(ctx, client.ObjectKeyFromObject(s), had)
	if err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	// The cache may not know it yet; creating fails then, and nothing is overwritten.
	if err := r.Create(ctx, s); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// certificate renews the serving certificate after two thirds of its life, and when the authority is another one.
func (r *Ledgers) certificate(l *v1alpha1.ConsentLedger, s *corev1.Secret) error {
	name := translate.LedgerName(l)
	names := []string{name + "." + l.Namespace + ".svc", name + "." + l.Namespace, name, name + "." + l.Namespace + ".svc.cluster.local"}
	needed := names[:1]
	if l.Spec.Pages != nil {
		names = append(names, pagesName(l)+"."+l.Namespace+".svc", pagesName(l)+"."+l.Namespace+".svc.cluster.local")
		needed = []string{names[0], names[len(names)-1]}
	}
	if good(s.Data[corev1.TLSCertKey], needed, time.Now(), s.Annotations[signedBy], r.authority()) {
		return nil
	}
	cert, key, err := r.Sign(names)
	if err != nil {
		return err
	}
	s.Data = map[string][]byte{corev1.TLSCertKey: cert, corev1.TLSPrivateKeyKey: key}
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	s.Annotations[signedBy] = r.authority()
	return nil
}

// signedBy names the authority that signed a certificate.
const signedBy = "consent.optup.dev/signed-by"

func (r *Ledgers) authority() string {
	if r.Authority == nil {
		return ""
	}
	return r.Authority()
}

func good(certificate []byte, names []string, now time.Time, by, authority string) bool {
	block, _ := pem.Decode(certificate)
	if block == nil || by != authority {
		return false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil || slices.ContainsFunc(names, func(name string) bool { return c.VerifyHostname(name) != nil }) {
		return false
	}
	life := c.NotAfter.Sub(c.NotBefore)
	return now.Before(c.NotAfter.Add(-life / 3))
}
