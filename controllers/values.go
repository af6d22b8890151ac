package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	gosync "sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/translate"
)

// Values reads what bundles name and never hold from the Secrets of the services' namespaces: credentials of services. It reads by name,
// and uses a Secret only if its owner has marked it. Nothing of a value gets into a status, an event, a log or an error.
type Values struct {
	// Reader knows DataServices and namespaces.
	Reader client.Reader
	// Secrets knows those with the label; Direct, which may be nil, is asked for the metadata of others, to tell people what is wrong.
	Secrets, Direct client.Reader

	watched cache.Cache
	mu      gosync.Mutex
	subs    map[chan struct{}]bool
}

var _ server.Values = (*Values)(nil)

// unusable is why a value cannot be had: a reason of a condition, and a sentence that says what to do.
type unusable struct{ reason, message string }

// Value implements server.Values. It is empty for whoever the service's owner does not allow, whatever a bundle says.
func (v *Values) Value(ctx context.Context, namespace string, of ir.Value) (credential.Secret, error) {
	ns, name, ok := strings.Cut(of.Service, "/")
	if !ok {
		return credential.Secret{}, nil
	}
	var d v1alpha1.DataService
	if err := v.Reader.Get(ctx, types.NamespacedName{Namespace: ns, Name: name}, &d); err != nil {
		return credential.Secret{}, client.IgnoreNotFound(err)
	}
	var caller corev1.Namespace
	if err := v.Reader.Get(ctx, types.NamespacedName{Name: namespace}, &caller); err != nil {
		return credential.Secret{}, client.IgnoreNotFound(err)
	}
	kept, ok := translate.ValuesOf(&d)[of.ID]
	if !ok || !translate.Allows(&d, &caller) {
		return credential.Secret{}, nil
	}
	value, _, err := read(ctx, v.Secrets, ns, kept)
	return value, err
}

// problem tells why some value of a service cannot be had; nil if all can.
func (v *Values) problem(ctx context.Context, d *v1alpha1.DataService) (*unusable, error) {
	all := translate.ValuesOf(d)
	ids := make([]string, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		_, wrong, err := read(ctx, v.Secrets, d.Namespace, all[id])
		if wrong != nil && wrong.reason == v1alpha1.ReasonSecretNotFound && v.unmarked(ctx, d.Namespace, all[id]) {
			wrong = notMarked(all[id])
		}
		if wrong != nil || err != nil {
			return wrong, err
		}
	}
	return nil, nil
}

// unmarked tells whether a Secret is there that its owner has not marked. Nothing but its metadata is read.
func (v *Values) unmarked(ctx context.Context, namespace string, k translate.Kept) bool {
	if v.Direct == nil {
		return false
	}
	var m metav1.PartialObjectMetadata
	m.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	err := v.Direct.Get(ctx, types.NamespacedName{Namespace: namespace, Name: string(k.Secret.Name)}, &m)
	return err == nil && m.Labels[v1alpha1.LabelCredential] != "true"
}

func notMarked(k translate.Kept) *unusable {
	return denied(v1alpha1.ReasonSecretNotPermitted, "The owner of the Secret %s has not let OptUp use it: give it the label %s: \"true\".", k.Secret.Name, v1alpha1.LabelCredential)
}

func denied(reason, format string, args ...any) *unusable {
	return &unusable{reason, "Requests to the service are denied. " + fmt.Sprintf(format, args...)}
}

// read gives a value that is kept in a Secret, or why there is none. It fails where nobody knows.
func read(ctx context.Context, from client.Reader, namespace string, k translate.Kept) (credential.Secret, *unusable, error) {
	var s corev1.Secret
	err := from.Get(ctx, types.NamespacedName{Namespace: namespace, Name: string(k.Secret.Name)}, &s)
	none := func(reason, format string, args ...any) (credential.Secret, *unusable, error) {
		return credential.Secret{}, denied(reason, format, args...), nil
	}
	switch {
	case apierrors.IsNotFound(err):
		return none(v1alpha1.ReasonSecretNotFound, "%s names the Secret %s, which namespace %s does not have: create it, with %s under the key %s and the label %s: \"true\".",
			k.Field, k.Secret.Name, namespace, k.What, k.Secret.Key, v1alpha1.LabelCredential)
	case err != nil:
		return credential.Secret{}, nil, err
	case s.Labels[v1alpha1.LabelCredential] != "true":
		return credential.Secret{}, notMarked(k), nil
	}
	if host := notNamed(&s, k.Hosts); host != "" {
		return none(v1alpha1.ReasonSecretNotPermitted, "The owner of the Secret %s has not named %s among the hosts that it may be sent to: add it to the annotation %s, with commas between.",
			k.Secret.Name, host, v1alpha1.AnnotationHosts)
	}
	data := s.Data[k.Secret.Key]
	if len(data) == 0 {
		return none(v1alpha1.ReasonSecretNotFound, "The Secret %s has nothing under the key %s: put %s there.", k.Secret.Name, k.Secret.Key, k.What)
	}
	if k.Binary {
		return credential.New(string(data)), nil, nil
	}
	value, err := credential.Text(data)
	if err == nil && k.Pair && !strings.Contains(value.Reveal(), ":") {
		err = errNoPair
	}
	if err != nil {
		return none(v1alpha1.ReasonCredentialUnusable, "What the Secret %s has under the key %s cannot be sent: %v. Put %s there.", k.Secret.Name, k.Secret.Key, err, k.What)
	}
	return value, nil, nil
}

var errNoPair = fmt.Errorf("it is no %q, and the DataService names no username", "user:password")

// notNamed gives a host that the Secret's owner has not named; empty if all are.
func notNamed(s *corev1.Secret, hosts []string) string {
	var named []string
	for h := range strings.SplitSeq(s.Annotations[v1alpha1.AnnotationHosts], ",") {
		named = append(named, strings.ToLower(strings.TrimSpace(h)))
	}
	for _, h := range hosts {
		if h == "" || !slices.Contains(named, h) {
			return h
		}
	}
	return ""
}

// Watch has streams learn of Secrets that change. Call it once, before the cache starts.
func (v *Values) Watch(ctx context.Context, secrets cache.Cache) error {
	informer, err := secrets.GetInformer(ctx, &corev1.Secret{})
	if err != nil {
		return err
	}
	v.watched = secrets
	tell := func(any) { v.changed() }
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: tell, UpdateFunc: func(_, _ any) { v.changed() }, DeleteFunc: tell})
	return err
}

func (v *Values) changed() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for ch := range v.subs {
		select {
		case ch <- struct{}{}:
		default: // one is waiting, and stands for all
		}
	}
}

// Changes implements server.Values.
func (v *Values) Changes() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.subs == nil {
		v.subs = map[chan struct{}]bool{}
	}
	v.subs[ch] = true
	return ch, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.subs, ch)
	}
}
