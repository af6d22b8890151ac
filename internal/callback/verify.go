package callback

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/ir"
)

// Errors of Verify.
var (
	// ErrUnsigned reports a call without a signature, or with one that cannot be read.
	ErrUnsigned = errors.New("the call carries no signature that can be read")
	// ErrForged reports a signature that is not that of this body, or not by this sender.
	ErrForged = errors.New("the signature is not that of the declared sender for this body")
	// ErrTime reports a signed time that is too old or too far ahead.
	ErrTime = errors.New("the signed time is too old or too far ahead")
	// ErrSecret reports that the shared secret is not there (yet).
	ErrSecret = errors.New("the secret that signatures are verified with is not there")
)

// Headers of Twilio SendGrid's Signed Event Webhook.
const (
	SendGridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	SendGridTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
)

const (
	// ahead is how far the sender's clock may be ahead.
	ahead = 5 * time.Minute
	// maxValues bounds the signatures that one header may hold; senders send two while they change keys.
	maxValues = 8
)

// Call is what came.
type Call struct {
	// Header gives the values of a header, which is named in canonical spelling.
	Header func(name string) []string
	// Body as it came.
	Body []byte
	// Secret is the shared one, of an HMAC.
	Secret []byte
	Now    time.Time
}

// Verify fails unless the call is signed as declared, by the declared sender, for this body, and not too long ago.
func Verify(s *ir.Signature, c Call) error {
	switch s.Type {
	case ir.SignatureSendGrid:
		return sendGrid(s, c)
	case ir.SignatureHMAC:
		return shared(s, c)
	default:
		return ErrForged
	}
}

// sendGrid verifies ECDSA over the timestamp, as it is written, and the body.
func sendGrid(s *ir.Signature, c Call) error {
	stamp, text := c.Header(SendGridTimestamp), c.Header(SendGridSignature)
	if len(stamp) != 1 || len(text) != 1 {
		return ErrUnsigned
	}
	signature, err := base64.StdEncoding.DecodeString(text[0])
	if err != nil || len(signature) == 0 {
		return ErrUnsigned
	}
	h := sha256.New()
	h.Write([]byte(stamp[0]))
	h.Write(c.Body)
	sum := h.Sum(nil)
	for _, k := range s.PublicKeys {
		if key, err := ir.PublicKey(k); err == nil && ecdsa.VerifyASN1(key, sum, signature) {
			return recent(s, stamp[0], ir.TimeUnixSeconds, c.Now)
		}
	}
	return ErrForged
}

// shared verifies an HMAC.
func shared(s *ir.Signature, c Call) error {
	if len(c.Secret) == 0 {
		return ErrSecret
	}
	var sent [][]byte
	for _, v := range values(c.Header(s.Header), s.Prefix) {
		if b, ok := decoded(s.Encoding, v); ok {
			sent = append(sent, b)
		}
	}
	if len(sent) == 0 {
		return ErrUnsigned
	}
	stamp := ""
	if s.Timestamp != nil {
		all := values(c.Header(s.Timestamp.Header), s.Timestamp.Prefix)
		if len(all) != 1 {
			return ErrUnsigned
		}
		stamp = all[0]
	}
	before, after := "", ""
	if s.Text != "" {
		before, after, _ = strings.Cut(strings.ReplaceAll(s.Text, ir.TextTimestamp, stamp), ir.TextBody)
	}
	mac := hmac.New(sha256.New, c.Secret)
	mac.Write([]byte(before))
	mac.Write(c.Body)
	mac.Write([]byte(after))
	sum := mac.Sum(nil)
	for _, b := range sent {
		if hmac.Equal(sum, b) {
			if s.Timestamp == nil {
				return nil
			}
			return recent(s, stamp, s.Timestamp.Format, c.Now)
		}
	}
	return ErrForged
}

// values are those of a header's that begin with a prefix, without it. Without a prefix the header has one value.
func values(lines []string, prefix string) []string {
	if len(lines) != 1 {
		return nil
	}
	if prefix == "" {
		return lines
	}
	var out []string
	for part := range strings.SplitSeq(lines[0], ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), prefix); ok && len(out) < maxValues {
			out = append(out, v)
		}
	}
	return out
}

func decoded(e ir.SignatureEncoding, text string) ([]byte, bool) {
	var b []byte
	var err error
	switch e {
	case ir.EncodingHex:
		b, err = hex.DecodeString(text)
	case ir.EncodingBase64:
		b, err = base64.StdEncoding.DecodeString(text)
	default:
		return nil, false
	}
	return b, err == nil && len(b) == sha256.Size
}

// recent fails unless a signed time is within the tolerance.
func recent(s *ir.Signature, text string, format ir.TimeFormat, now time.Time) error {
	at, ok := instant(text, format)
	if !ok {
		return ErrTime
	}
	if age := now.Sub(at); age > time.Duration(s.ToleranceSeconds)*time.Second || age < -ahead {
		return ErrTime
	}
	return nil
}

func instant(text string, format ir.TimeFormat) (time.Time, bool) {
	if format == ir.TimeRFC3339 {
		t, err := time.Parse(time.RFC3339, text)
		return t, err == nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<53 {
		return time.Time{}, false
	}
	if format == ir.TimeUnixMilliseconds {
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), n < 1<<40
}

// Stamp is the signed time of a verified call as it is written; empty where none is signed.
func Stamp(s *ir.Signature, header func(name string) []string) string {
	switch {
	case s.Type == ir.SignatureSendGrid:
		return strings.Join(header(SendGridTimestamp), "")
	case s.Timestamp != nil:
		return strings.Join(values(header(s.Timestamp.Header), s.Timestamp.Prefix), "")
	default:
		return ""
	}
}
