package ir

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
)

// Callback is one path of the workload by which a service calls it. What arrives there is checked, and filtered by what people agreed to,
// before the workload sees it; and what people say by it is told to the ledger.
type Callback struct {
	// Policy is "namespace/name/callback" of the ConsentPolicy, for explanations.
	Policy string `json:"policy"`
	// Service is "namespace/name" of the DataService that calls, Name that of the callback in it.
	Service string `json:"service"`
	Name    string `json:"name"`
	// Port is the workload's own, Path is decoded and literal. Calls with other methods are refused.
	Port    int      `json:"port"`
	Path    string   `json:"path"`
	Methods []string `json:"methods,omitempty"`
	// Blocked is the reason for which nothing passes, where what is declared does not fit together. Nothing else counts then.
	Blocked   string    `json:"blocked,omitempty"`
	Signature Signature `json:"signature,omitzero"`
	// Body says where the records are. Values that are declared nowhere are taken out.
	Body *Message `json:"body,omitempty"`
	// ID is the pointer, within a record, of what the service calls the event; empty if the record's own bytes stand for it.
	ID string `json:"id,omitempty"`
	// Kind is the pointer, within a record, of what tells kinds apart; empty if there is one kind.
	Kind string `json:"kind,omitempty"`
	// Kinds are the kinds of records that may pass, each with its purpose. Records of any other kind are taken out.
	Kinds []RecordKind `json:"kinds,omitempty"`
	// Events are what records tell the ledger.
	Events    []Told    `json:"events,omitempty"`
	Redaction Redaction `json:"redaction,omitempty"`
	Mode      Mode      `json:"mode"`
}

// RecordKind is one kind of records.
type RecordKind struct {
	Name string `json:"name"`
	// In are the values at Callback.Kind; none where there is one kind.
	In         []string          `json:"in,omitempty"`
	Processing []Processing      `json:"processing"`
	Purpose    consent.PurposeID `json:"purpose"`
	// OnMissing is DropRecord or RedactField.
	OnMissing OnMissing `json:"onMissing"`
}

// Told is an event that a record tells the ledger. It restricts, always.
type Told struct {
	// When are conditions that all have to hold.
	When []RecordCondition `json:"when"`
	// Controller is whose ledger is told.
	Controller string            `json:"controller"`
	Type       consent.EventType `json:"type"`
	Scope      consent.Scope     `json:"scope,omitempty"`
	Channel    consent.Channel   `json:"channel,omitempty"`
	Purpose    consent.PurposeID `json:"purpose,omitempty"`
}

// RecordCondition compares a value of a record, as it is written in JSON, with a list of values.
type RecordCondition struct {
	Pointer string   `json:"pointer"`
	In      []string `json:"in"`
}

// Restricts are the events that a callback may tell: nobody may permit against the person, anyone may restrict.
var Restricts = []consent.EventType{consent.EventWithdrawn, consent.EventObjected}

// SignatureType is how the sender of a callback proves who it is.
type SignatureType string

// Types of signatures.
const (
	// SignatureSendGrid is ECDSA over P-256 and SHA-256 of timestamp and body, as Twilio SendGrid's event webhook has it.
	SignatureSendGrid SignatureType = "SendGridECDSA"
	// SignatureHMAC is HMAC-SHA256 of the body, or of a text that holds it.
	SignatureHMAC SignatureType = "HMACSHA256"
)

// SignatureEncoding is how the bytes of an HMAC are written.
type SignatureEncoding string

// Encodings.
const (
	EncodingHex    SignatureEncoding = "Hex"
	EncodingBase64 SignatureEncoding = "Base64"
)

// Signature is how the sender of a callback proves who it is.
type Signature struct {
	Type SignatureType `json:"type,omitempty"`
	// PublicKeys are SubjectPublicKeyInfo (DER) in base64; the signature of one of them is enough.
	PublicKeys []string `json:"publicKeys,omitempty"`
	// Key names the secret among the credentials of the service. The secret itself is in no bundle.
	Key string `json:"key,omitempty"`
	// Header carries the signature after Prefix; of several values with commas between them, any may be it.
	Header   string            `json:"header,omitempty"`
	Prefix   string            `json:"prefix,omitempty"`
	Encoding SignatureEncoding `json:"encoding,omitempty"`
	// Timestamp is nil where none is signed.
	Timestamp *SignedTime `json:"timestamp,omitempty"`
	// Text is what is signed, with {timestamp} and {body} in it; empty for the body alone.
	Text string `json:"text,omitempty"`
	// ToleranceSeconds is how old a signed time may be.
	ToleranceSeconds int64 `json:"toleranceSeconds,omitempty"`
}

// SignedTime is the time that a signature covers.
type SignedTime struct {
	Header string     `json:"header"`
	Prefix string     `json:"prefix,omitempty"`
	Format TimeFormat `json:"format,omitempty"`
}

// ErrPublicKey reports what is no public key that a callback can be verified with.
var ErrPublicKey = errors.New("a public key is an ECDSA key on the curve P-256, as SubjectPublicKeyInfo in base64")

// PublicKey reads one of Signature.PublicKeys.
func PublicKey(text string) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrPublicKey
	}
	any, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, ErrPublicKey
	}
	key, ok := any.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, ErrPublicKey
	}
	return key, nil
}

// Tokens of Signature.Text.
const (
	TextTimestamp = "{timestamp}"
	TextBody      = "{body}"
)

func (v *validator) callbacks(b *Bundle, purposes map[string]bool) {
	type place struct {
		port int
		path string
	}
	seen := map[place]bool{}
	for i := range b.Callbacks {
		c := &b.Callbacks[i]
		at := place{c.Port, c.Path}
		v.check(!seen[at], "callback %q: another one has its port and path", c.Policy)
		seen[at] = true
		v.check(c.Port >= 1 && c.Port <= 65535, "callback %q: port %d", c.Policy, c.Port)
		v.check(LiteralPath(c.Path), "callback %q: path %q", c.Policy, c.Path)
		v.check(c.Mode == ModeEnforce || c.Mode == ModeObserve, "callback %q: mode %q", c.Policy, c.Mode)
		if c.Blocked == "" {
			v.callback(c, purposes)
		}
	}
}

// LiteralPath tells whether a path has one spelling, and needs no escape.
func LiteralPath(path string) bool {
	if !strings.HasPrefix(path, "/") || len(path) > 512 {
		return false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" && path != "/" || segment == "." || segment == ".." {
			return false
		}
		for _, c := range segment {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c) {
				return false
			}
		}
	}
	return true
}

func (v *validator) callback(c *Callback, purposes map[string]bool) {
	at := c.Policy
	v.check(len(c.Methods) > 0, "callback %q has no method", at)
	v.signature(at, &c.Signature)
	v.check(slices.Contains([]Redaction{"", RedactionOmit, RedactionNullify, RedactionMask}, c.Redaction), "callback %q: redaction %q", at, c.Redaction)
	single := func(p string) bool { return ValidPointer(p) && !strings.Contains(p, "*") }
	v.check(single(c.ID) && single(c.Kind), "callback %q: id %q, kind %q", at, c.ID, c.Kind)
	m := c.Body
	if m == nil || m.Records == nil || len(m.Addressees)+len(m.Switches)+len(m.Fields) > 0 || (m.Format != FormatJSON && m.Format != FormatNDJSON) {
		v.check(false, "callback %q: a body is JSON or NDJSON and has records, and nothing personal outside of them", at)
		return
	}
	v.endpoint(at, &Endpoint{Name: c.Name, Methods: c.Methods, Path: c.Path, Response: m})
	r := m.Records
	v.check(r.Columns == "" && single(r.Identifier) && r.Identifier != "" && single(r.Time), "callback %q: identifier %q, time %q, columns %q", at, r.Identifier, r.Time, r.Columns)
	seen := map[string]bool{}
	for _, k := range c.Kinds {
		v.check(purposes[string(k.Purpose)], "callback %q: unknown purpose %q", at, k.Purpose)
		v.check(len(k.Processing) > 0, "callback %q: kind %q has no processing", at, k.Name)
		v.check(k.OnMissing == OnMissingDropRecord || k.OnMissing == OnMissingRedactField, "callback %q: onMissing %q", at, k.OnMissing)
		v.check((c.Kind == "") == (len(k.In) == 0), "callback %q: kind %q and the values that tell it", at, k.Name)
		for _, value := range k.In {
			v.check(!seen[value], "callback %q: two kinds have the value %q", at, value)
			seen[value] = true
		}
	}
	v.check(c.Kind != "" || len(c.Kinds) <= 1, "callback %q: several kinds, and nothing that tells them apart", at)
	for _, e := range c.Events {
		v.told(at, &e, purposes)
		for _, w := range e.When {
			v.check(w.Pointer != "" && single(w.Pointer) && len(w.In) > 0, "callback %q: condition %q", at, w.Pointer)
		}
	}
}

func (v *validator) told(at string, e *Told, purposes map[string]bool) {
	v.check(slices.Contains(Restricts, e.Type), "callback %q: event %q; a callback restricts, and permits nothing", at, e.Type)
	v.check(e.Controller != "", "callback %q: event %q is told to nobody", at, e.Type)
	ok := false
	switch {
	case e.Type == consent.EventWithdrawn:
		ok = e.Scope == "" && e.Channel == "" && e.Purpose != ""
	case e.Scope == consent.ScopePurpose:
		ok = e.Channel == "" && e.Purpose != ""
	case e.Scope == consent.ScopeChannel:
		ok = e.Channel != "" && e.Purpose == ""
	case e.Scope == consent.ScopeAll:
		ok = e.Channel == "" && e.Purpose == ""
	}
	v.check(ok, "callback %q: event %q with scope %q, channel %q, purpose %q", at, e.Type, e.Scope, e.Channel, e.Purpose)
	v.check(e.Purpose == "" || purposes[string(e.Purpose)], "callback %q: unknown purpose %q", at, e.Purpose)
}

func (v *validator) signature(at string, s *Signature) {
	switch s.Type {
	case SignatureSendGrid:
		v.check(len(s.PublicKeys) > 0, "callback %q has no public key", at)
		for _, k := range s.PublicKeys {
			_, err := PublicKey(k)
			v.check(err == nil, "callback %q: %v", at, err)
		}
	case SignatureHMAC:
		v.check(s.Key != "" && s.Header != "", "callback %q: an HMAC needs key and header", at)
		v.check(s.Encoding == EncodingHex || s.Encoding == EncodingBase64, "callback %q: encoding %q", at, s.Encoding)
		timed := strings.Count(s.Text, TextTimestamp)
		v.check(s.Text == "" || strings.Count(s.Text, TextBody) == 1, "callback %q: the signed text %q holds %s once", at, s.Text, TextBody)
		v.check((s.Timestamp != nil && timed == 1) || (s.Timestamp == nil && timed == 0), "callback %q: the signed text %q, and a timestamp", at, s.Text)
	default:
		v.check(false, "callback %q: signature %q", at, s.Type)
	}
	if s.Timestamp != nil {
		v.check(s.Timestamp.Header != "" && validFormat(s.Timestamp.Format), "callback %q: timestamp in %q as %q", at, s.Timestamp.Header, s.Timestamp.Format)
	}
	v.check(s.ToleranceSeconds >= 0 && (s.ToleranceSeconds > 0) == (s.Timestamp != nil || s.Type == SignatureSendGrid), "callback %q: tolerance of %d seconds", at, s.ToleranceSeconds)
}
