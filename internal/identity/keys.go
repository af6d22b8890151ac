package identity

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// KeySource gives the public keys that signatures are verified with. Implementations are safe for concurrent use.
type KeySource interface {
	// Key finds the key with the given id. It reports false for an id that is unknown or ambiguous.
	Key(id string) (jose.JSONWebKey, bool)
}

// StaticKeys are keys that never change.
type StaticKeys struct{ keys map[string]jose.JSONWebKey }

// KeysFromBytes reads a JWKS document (RFC 7517). Keys without an id, private keys and symmetric keys are refused.
func KeysFromBytes(jwks []byte) (*StaticKeys, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, errors.New("the JWKS document cannot be read; give a JSON object with a list of public keys")
	}
	s := &StaticKeys{keys: map[string]jose.JSONWebKey{}}
	for _, k := range set.Keys {
		if k.KeyID == "" || !k.Valid() || !k.IsPublic() {
			return nil, errors.New("the JWKS document holds a key that is not public or has no key id; publish public keys with ids only")
		}
		if _, twice := s.keys[k.KeyID]; twice {
			return nil, errors.New("the JWKS document holds a key id twice; give every key an id of its own")
		}
		s.keys[k.KeyID] = k
	}
	return s, nil
}

// Key implements KeySource.
func (s *StaticKeys) Key(id string) (jose.JSONWebKey, bool) {
	k, ok := s.keys[id]
	return k, ok
}

// FileKeys are the keys of a JWKS file, which is re-read when it changes. A file that is missing or broken leaves the keys that
// were read last in force; before the first good read there are none, so that everything is refused.
type FileKeys struct {
	path string

	mu   sync.Mutex
	info os.FileInfo
	keys *StaticKeys
	err  error
}

// KeysFromFile returns the keys of a file that need not exist yet.
func KeysFromFile(path string) *FileKeys { return &FileKeys{path: path, keys: &StaticKeys{}} }

// Key implements KeySource.
func (f *FileKeys) Key(id string) (jose.JSONWebKey, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	return f.keys.Key(id)
}

// Err tells why the file could not be read the last time; nil if it could.
func (f *FileKeys) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refresh()
	return f.err
}

func (f *FileKeys) refresh() {
	info, err := os.Stat(f.path)
	if err != nil {
		f.err = fmt.Errorf("the key file %s cannot be read; check the mount", f.path)
		return
	}
	if f.info != nil && os.SameFile(info, f.info) && info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		f.err = fmt.Errorf("the key file %s cannot be read; check the mount", f.path)
		return
	}
	f.info = info
	keys, err := KeysFromBytes(data)
	if f.err = err; err == nil {
		f.keys = keys
	}
}

// PublicJWKS writes the JWKS document of public keys; each id is the key's RFC 7638 thumbprint.
func PublicJWKS(keys ...crypto.PublicKey) ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		id, err := keyID(k)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k, KeyID: id, Use: "sig"})
	}
	return json.Marshal(set)
}
