package controllers

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// GrantSecret holds the key that grants are signed with, in the manager's namespace.
const GrantSecret = "optup-grant-keys"

const grantSeed = "ed25519-seed"

// GrantKey gives the key that all replicas sign grants with, and makes it where there is none. The client reads from the API server.
func GrantKey(ctx context.Context, c client.Client, namespace string) (ed25519.PrivateKey, error) {
	name := types.NamespacedName{Namespace: namespace, Name: GrantSecret}
	for range 3 {
		var s corev1.Secret
		err := c.Get(ctx, name, &s)
		if err == nil {
			seed := s.Data[grantSeed]
			if len(seed) != ed25519.SeedSize {
				return nil, errors.New("Secret " + name.String() + " holds no key for grants; delete it, a new one is made at the next start")
			}
			return ed25519.NewKeyFromSeed(seed), nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, err
		}
		seed := make([]byte, ed25519.SeedSize)
		if _, err := rand.Read(seed); err != nil {
			return nil, err
		}
		fresh := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: GrantSecret, Labels: owned(nil)},
			Data:       map[string][]byte{grantSeed: seed},
		}
		// Another replica may be faster; then its key counts.
		if err := c.Create(ctx, fresh); err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, err
		}
	}
	return nil, errors.New("Secret " + name.String() + " cannot be read back after it was made")
}
