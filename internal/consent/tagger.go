package consent

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // a form that ad networks and mail services use, never a protection
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// Tagger computes tags under one key. It is not safe for concurrent use; make one per goroutine, or take from a pool.
type Tagger struct {
	mac hash.Hash
	// quick is the same for short messages, nil where there is nothing quicker.
	quick *keyed
	// outer are the keys that came after the first one, in their order.
	outer []*Retagger
	// message is type, form and normalised value; value tells where the last begins, kind and form what stands before.
	message []byte
	value   int
	kind    IdentifierType
	form    Form
	sum     []byte
	digest  []byte
}

// NewTagger returns a Tagger. Keys have at least 32 bytes; the first is the controller's first stream key, so the tenant is in the key. Those
// that took its place since follow in their order: each makes tags of the tags of the one before (see Retagger).
func NewTagger(key []byte, later ...[]byte) (*Tagger, error) {
	if len(key) < 32 {
		return nil, fmt.Errorf("tag key has %d bytes, need at least 32", len(key))
	}
	var outer []*Retagger
	for i, k := range later {
		r, err := NewRetagger(k, i+2)
		if err != nil {
			return nil, err
		}
		outer = append(outer, r)
	}
	return &Tagger{
		outer: outer, mac: hmac.New(sha256.New, key), quick: newKeyed(key), message: make([]byte, 0, 2*maxIdentifier), sum: make([]byte, 0, sha256.Size),
		digest: make([]byte, 0, sha256.Size),
	}, nil
}

// Tag normalises and tags an identifier. Type and form are in the authenticated domain, so forms never collide.
func (t *Tagger) Tag(i Identifier) (Tag, error) {
	n, err := Normalize(i)
	if err != nil {
		return Tag{}, err
	}
	t.begin(n.Type, n.Form)
	t.message = append(t.message, n.Value...)
	return t.tag(), nil
}

// TagBytes is Tag for a value in bytes, which may be changed afterwards. It does not allocate for values in ASCII.
func (t *Tagger) TagBytes(kind IdentifierType, form Form, value []byte) (Tag, error) {
	if err := t.read(kind, form, value); err != nil {
		return Tag{}, err
	}
	return t.tag(), nil
}

// TagPair is TagBytes for two values of one kind and form, which is faster than one after the other. Values without a tag have an error.
func (t *Tagger) TagPair(kind IdentifierType, form Form, values *[2][]byte, tags *[2]Tag) (errs [2]error) {
	short := t.quick != nil
	if short && kind == IdentifierEmail && form == FormPlain && t.quick.takeAddress(0, values[0]) && t.quick.takeAddress(1, values[1]) {
		t.pair(tags)
		return errs
	}
	for i, value := range values {
		if errs[i] = t.read(kind, form, value); errs[i] != nil {
			short = false
		} else if short {
			short = t.quick.take(i, t.message)
		}
	}
	if short {
		t.pair(tags)
		return errs
	}
	for i, value := range values {
		if tags[i] = (Tag{}); errs[i] == nil {
			tags[i], errs[i] = t.TagBytes(kind, form, value)
		}
	}
	return errs
}

// pair gives the tags of the messages that were taken.
func (t *Tagger) pair(tags *[2]Tag) {
	t.quick.tags(tags)
	for i := range tags {
		tags[i] = t.later(tags[i])
	}
}

// Derived gives the tag of another form of a plain value, see Derived.
func (t *Tagger) Derived(kind IdentifierType, form Form, value []byte) (Tag, error) {
	if err := t.read(kind, FormPlain, value); err != nil {
		return Tag{}, err
	}
	plain := t.message[t.value:]
	switch form {
	case FormSHA256:
		sum := sha256.Sum256(plain)
		t.digest = append(t.digest[:0], sum[:]...)
	case FormMD5:
		sum := md5.Sum(plain) //nolint:gosec // see import
		t.digest = append(t.digest[:0], sum[:]...)
	default:
		return Tag{}, fmt.Errorf("%w: form %q follows from no other", ErrIdentifier, form)
	}
	t.begin(kind, form)
	t.message = hex.AppendEncode(t.message, t.digest)
	return t.tag(), nil
}

// read begins a message with the normal form of a value.
func (t *Tagger) read(kind IdentifierType, form Form, value []byte) error {
	if form == "" {
		form = FormPlain
	}
	trimmed := bytes.TrimSpace(value)
	t.begin(kind, form)
	if n := len(trimmed); n > 0 && n <= maxIdentifier && t.normalize(kind, form, trimmed) {
		return nil
	}
	// What is not ASCII may still have a normal form, and an error wants to be explained.
	i, err := Normalize(Identifier{Type: kind, Form: form, Value: string(value)})
	t.begin(kind, form)
	t.message = append(t.message, i.Value...)
	return err
}

func (t *Tagger) begin(kind IdentifierType, form Form) {
	if t.value > 0 && t.kind == kind && t.form == form {
		t.message = t.message[:t.value]
		return
	}
	t.kind, t.form = kind, form
	t.message = append(append(append(append(t.message[:0], kind...), 0), form...), 0)
	t.value = len(t.message)
}

func (t *Tagger) tag() Tag {
	if t.quick != nil && t.quick.take(0, t.message) {
		var tags [2]Tag
		t.quick.tags(&tags)
		return t.later(tags[0])
	}
	t.mac.Reset()
	t.mac.Write(t.message)
	t.sum = t.mac.Sum(t.sum[:0])
	return t.later(Tag(t.sum[:len(Tag{})]))
}

// later is the tag under the last key, of one under the first.
func (t *Tagger) later(tag Tag) Tag {
	for _, r := range t.outer {
		tag = r.Retag(tag)
	}
	return tag
}

// normalize appends the normal form of a trimmed value, as Normalize gives it. It reports false for what has none, and for what is not
// ASCII.
func (t *Tagger) normalize(kind IdentifierType, form Form, value []byte) bool {
	switch form {
	case FormSHA256:
		return len(value) == 2*sha256.Size && t.take(value, &hexDigits)
	case FormMD5:
		return len(value) == 2*md5.Size && t.take(value, &hexDigits)
	case FormPlain:
	default:
		return false
	}
	switch kind {
	case IdentifierEmail:
		return t.take(value, &mailBytes) && isEmail(t.message[t.value:])
	case IdentifierPhone:
		for _, c := range value {
			if bytes.IndexByte([]byte(" -.()/"), c) < 0 {
				t.message = append(t.message, c)
			}
		}
		return isPhone(t.message[t.value:])
	case IdentifierCustomer, IdentifierDevice:
		return t.take(value, &printable)
	default:
		return false
	}
}

// alphabet gives for each byte how it is written in a normal form; 0 for what is in none.
type alphabet [256]byte

var (
	printable = alphabetOf("", false)
	mailBytes = alphabetOf(`"(),:;<>[\]`, true)
	hexDigits = alphabetOf("ghijklmnopqrstuvwxyz!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true)
)

func alphabetOf(without string, lower bool) (a alphabet) {
	for c := byte('!'); c <= '~'; c++ {
		l := c
		if lower && c >= 'A' && c <= 'Z' {
			l += 'a' - 'A'
		}
		if strings.IndexByte(without, l) < 0 {
			a[c] = l
		}
	}
	return a
}

// take appends a value in an alphabet, and reports false if something is not in it.
func (t *Tagger) take(value []byte, in *alphabet) bool {
	at := len(t.message)
	t.message = slices.Grow(t.message, len(value))[:at+len(value)]
	out := t.message[at:][:len(value)]
	missing := uint32(0)
	for i, c := range value {
		b := in[c]
		out[i] = b
		missing |= uint32(b) - 1 // beyond a byte for none
	}
	return missing < 1<<8
}

// isEmail takes an address in the bytes of one.
func isEmail(v []byte) bool {
	at := bytes.IndexByte(v, '@')
	if at <= 0 || at == len(v)-1 || bytes.IndexByte(v[at+1:], '@') >= 0 {
		return false
	}
	return v[at+1] != '.' && v[len(v)-1] != '.'
}

func isPhone(v []byte) bool {
	if len(v) < 8 || len(v) > 16 || v[0] != '+' || v[1] == '0' {
		return false
	}
	for _, c := range v[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
