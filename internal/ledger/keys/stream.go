package keys

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Stream is the stream key of one controller. It is safe for concurrent use, and prints redacted.
type Stream struct {
	// ids name the root keys, in their order; the first one names the log.
	ids   []string
	id    string
	key   []byte
	link  []byte // makes the tags of this key out of those of the one before
	later [][]byte
	names []byte
	// scheme says which tags are made now.
	scheme  atomic.Pointer[store.Scheme]
	taggers sync.Pool
	chains  sync.Pool
}

// Stream derives the key of a controller (HKDF-SHA256, RFC 5869). Another controller has another key, so its tags say nothing here.
func (r Root) Stream(controller string) (*Stream, error) {
	if controller == "" {
		return nil, errors.New("a stream key needs a controller")
	}
	derive := func(what string, size int) ([]byte, error) {
		return hkdf.Key(sha256.New, r.key[:], nil, "optup ledger v1 "+what+"\x00"+controller, size)
	}
	key, err := derive("stream key", 32)
	if err != nil {
		return nil, err
	}
	id, err := derive("key id", 8)
	if err != nil {
		return nil, err
	}
	names, err := derive("names", 32)
	if err != nil {
		return nil, err
	}
	link, err := derive("link key", 32)
	if err != nil {
		return nil, err
	}
	s := &Stream{id: hex.EncodeToString(id), key: key, names: names, link: link}
	s.ids = []string{s.id}
	s.scheme.Store(&store.First)
	s.taggers.New = func() any {
		t, _ := consent.NewTagger(key) // 32 bytes are enough for every tagger
		return t
	}
	s.chains.New = func() any { return s.chain() }
	return s, nil
}

// String never shows the key.
func (*Stream) String() string { return "stream key:redacted" }

// GoString never shows the key.
func (s *Stream) GoString() string { return s.String() }

// ID names the first key, and with it the log.
func (s *Stream) ID() string { return s.id }

// Bytes is the first key itself, for subscribers.
func (s *Stream) Bytes() []byte { return slices.Clone(s.key) }

// Tags gives the tags of an identifier that people are looked up by: for each key in use its own first, then those of the forms that follow
// from it. It fails with consent.ErrIdentifier.
func (s *Stream) Tags(i consent.Identifier) ([]consent.Tag, error) {
	id, err := s.Identity(i)
	return id.Tags, err
}

// Identity is Tags for whoever appends.
func (s *Stream) Identity(i consent.Identifier) (store.Identity, error) {
	first, err := s.first(i)
	out := store.Identity{Tags: first, First: first, Type: i.Type, Plain: !i.Hashed(), Scheme: store.First}
	if err != nil {
		return store.Identity{}, err
	}
	if now := *s.scheme.Load(); now != store.First {
		err = s.Complete(&out, now)
	}
	return out, err
}

// first gives the tags under the first key.
func (s *Stream) first(i consent.Identifier) ([]consent.Tag, error) {
	t := s.taggers.Get().(*consent.Tagger)
	defer s.taggers.Put(t)
	value := []byte(i.Value)
	own, err := t.TagBytes(i.Type, i.Form, value)
	if err != nil {
		return nil, err
	}
	tags := append(make([]consent.Tag, 0, len(consent.Forms)), own)
	if i.Form != "" && i.Form != consent.FormPlain {
		return tags, nil
	}
	for _, form := range consent.Forms {
		if form == consent.FormPlain {
			continue
		}
		tag, err := t.Derived(i.Type, form, value)
		if err != nil {
			return nil, err
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// Name gives a keyed name for something that a caller chose and that might tell who a person is, such as an idempotency key.
func (s *Stream) Name(parts ...string) string {
	mac := hmac.New(sha256.New, s.names)
	for _, p := range parts {
		_ = binary.Write(mac, binary.BigEndian, uint32(len(p))) // a hash never fails
		mac.Write([]byte(p))
	}
	return hex.EncodeToString(mac.Sum(nil))
}
