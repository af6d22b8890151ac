package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Err is the one answer to every token that does not hold: changed, expired, of another ledger or another kind.
var Err = errors.New("this link is not valid any more; ask for a new one")

// Kind is what a token is for.
type Kind byte

// Kinds. They are written into tokens, so they never change.
const (
	// Confirm asks whether grants are the mailbox owner's: they are confirmed with it, or disowned.
	Confirm Kind = 1
	// Withdraw takes back one purpose with one click (RFC 8058).
	Withdraw Kind = 2
	// Page opens the person's page, Session is what keeps it open.
	Page    Kind = 3
	Session Kind = 4
)

// Grant is one grant that a token is about, in the wording that the person was shown.
type Grant struct {
	Position consent.Position
	Purpose  consent.PurposeID
	Notice   consent.NoticeID
}

// Token is what a link carries. Which members count depends on Kind.
type Token struct {
	Kind Kind
	// ID is random.
	ID [16]byte
	// Tags name the identity that the token speaks for, at most 16.
	Tags   []consent.Tag
	Grants []Grant
	// Purpose is what a Withdraw token takes back.
	Purpose consent.PurposeID
	// Language is that of the mail or page the token was given in.
	Language string
	// Issued is when the token was made, Expires when it ends, in whole seconds; zero for never.
	Issued, Expires time.Time
}

// String never shows what is in a token.
func (Token) String() string { return "token:redacted" }

// GoString never shows what is in a token.
func (t Token) GoString() string { return t.String() }

// maxSeconds since 1970 is beyond every time that a token can name.
const maxSeconds = 1 << 36

// maxTags bounds the tags of a token.
const maxTags = 16

// maxText bounds the text of a token in bytes, so that it fits into a cookie.
const maxText = 2 << 10

// Sealer makes and opens tokens. It is safe for concurrent use, and prints redacted.
type Sealer struct {
	key   []byte
	bound []byte
	now   func() time.Time
}

// New takes the token key of at least 32 bytes, and the id of the ledger's key. Now is the ledger's clock.
func New(key []byte, ledger string, now func() time.Time) (*Sealer, error) {
	if len(key) < 32 {
		return nil, errors.New("the token key has less than 32 bytes")
	}
	return &Sealer{key: slices.Clone(key), bound: []byte("optup token v1\x00" + ledger), now: now}, nil
}

// String never shows the key.
func (*Sealer) String() string { return "token key:redacted" }

// GoString never shows the key.
func (s *Sealer) GoString() string { return s.String() }

// aead has a key for each id, so that no nonce is needed: ids are random, and never sealed twice with different content.
func (s *Sealer) aead(id []byte) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(id)
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

var nonce [12]byte

// Seal makes the text of a token, which fits into a URL as it is. The id is chosen here, and so is the time of issue.
func (s *Sealer) Seal(t Token) (string, error) {
	if len(t.Tags) == 0 || len(t.Tags) > maxTags {
		return "", errors.New("a token speaks for 1 to 16 tags of one identity")
	}
	_, _ = rand.Read(t.ID[:]) // never fails; the program ends instead
	t.Issued = s.now()
	aead, err := s.aead(t.ID[:])
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(slices.Clone(t.ID[:]), nonce[:], t.encode(), s.bound)
	if base64.RawURLEncoding.EncodedLen(len(sealed)) > maxText {
		return "", errors.New("a token cannot carry so many grants")
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open reads a token of one of the kinds. It fails with Err, whatever is wrong.
func (s *Sealer) Open(text string, kinds ...Kind) (Token, error) {
	if len(text) > maxText {
		return Token{}, Err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < len(Token{}.ID) {
		return Token{}, Err
	}
	id := raw[:len(Token{}.ID)]
	aead, err := s.aead(id)
	if err != nil {
		return Token{}, err
	}
	body, err := aead.Open(nil, nonce[:], raw[len(id):], s.bound)
	if err != nil {
		return Token{}, Err
	}
	t, ok := decode(body)
	copy(t.ID[:], id)
	if !ok || !slices.Contains(kinds, t.Kind) || (!t.Expires.IsZero() && !s.now().Before(t.Expires)) {
		return Token{}, Err
	}
	return t, nil
}

func (t Token) encode() []byte {
	b := []byte{byte(t.Kind), byte(len(t.Tags))}
	for _, tag := range t.Tags {
		b = append(b, tag[:]...)
	}
	expires := int64(0)
	if !t.Expires.IsZero() {
		expires = max(1, t.Expires.Unix())
	}
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(max(0, t.Issued.Unix()))), uint64(expires))
	word := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	word(string(t.Purpose))
	word(t.Language)
	for _, g := range t.Grants {
		b = binary.AppendUvarint(b, uint64(g.Position))
		word(string(g.Purpose))
		word(string(g.Notice))
	}
	return b
}

func decode(b []byte) (Token, bool) {
	var t Token
	if len(b) < 2 || len(b) < 2+int(b[1])*len(consent.Tag{}) || b[1] > maxTags {
		return t, false
	}
	t.Kind = Kind(b[0])
	n := int(b[1])
	b = b[2:]
	for range n {
		t.Tags = append(t.Tags, consent.Tag(b[:len(consent.Tag{})]))
		b = b[len(consent.Tag{}):]
	}
	ok := true
	number := func() uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			ok, b = false, nil
			return 0
		}
		b = b[size:]
		return n
	}
	word := func() string {
		n := number()
		if n > uint64(len(b)) {
			ok, b = false, nil
			return ""
		}
		w := string(b[:n])
		b = b[n:]
		return w
	}
	issued, expires := number(), number()
	ok = ok && issued <= maxSeconds && expires <= maxSeconds
	t.Issued = time.Unix(int64(issued), 0).UTC()
	if expires != 0 {
		t.Expires = time.Unix(int64(expires), 0).UTC()
	}
	t.Purpose, t.Language = consent.PurposeID(word()), word()
	for ok && len(b) > 0 {
		t.Grants = append(t.Grants, Grant{Position: consent.Position(number()), Purpose: consent.PurposeID(word()), Notice: consent.NoticeID(word())})
	}
	return t, ok
}
