package callback

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
)

// What SendGrid publishes as an example of a signed call, with the key that it was signed with (github.com/sendgrid/sendgrid-python,
// test/unit/test_eventwebhook.py; also in the libraries for other languages). The body ends in CR LF.
const (
	published = `[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",` +
		`"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>",` +
		`"timestamp":1600112492}]` + "\r\n"
	publishedKey   = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
	publishedSign  = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
	publishedStamp = "1600112502"
	otherKey       = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA=="
	otherSign      = "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH3j/0="
)

func at(stamp string) time.Time {
	n, _ := strconv.ParseInt(stamp, 10, 64)
	return time.Unix(n, 0)
}

func TestTheExampleThatSendGridPublishes(t *testing.T) {
	const day = 86400
	sound := ir.Signature{Type: ir.SignatureSendGrid, PublicKeys: []string{otherKey, publishedKey}, ToleranceSeconds: day}
	for name, c := range map[string]struct {
		change func(s *ir.Signature, h http.Header, c *Call)
		want   error
	}{
		"as it is":             {func(*ir.Signature, http.Header, *Call) {}, nil},
		"a day later":          {func(_ *ir.Signature, _ http.Header, c *Call) { c.Now = c.Now.Add(day * time.Second) }, nil},
		"later than that":      {func(_ *ir.Signature, _ http.Header, c *Call) { c.Now = c.Now.Add((day + 1) * time.Second) }, ErrTime},
		"before it was signed": {func(_ *ir.Signature, _ http.Header, c *Call) { c.Now = c.Now.Add(-ahead - time.Second) }, ErrTime},
		"by another key":       {func(s *ir.Signature, _ http.Header, _ *Call) { s.PublicKeys = []string{otherKey} }, ErrForged},
		"by no key":            {func(s *ir.Signature, _ http.Header, _ *Call) { s.PublicKeys = nil }, ErrForged},
		"by a key that is none": {func(s *ir.Signature, _ http.Header, _ *Call) {
			s.PublicKeys = []string{"AAAA", publishedKey[:len(publishedKey)-8]}
		}, ErrForged},
		"of another body": {func(_ *ir.Signature, _ http.Header, c *Call) {
			c.Body = []byte(strings.Replace(published, "hello@", "hallo@", 1))
		}, ErrForged},
		"of a body that was trimmed":  {func(_ *ir.Signature, _ http.Header, c *Call) { c.Body = []byte(strings.TrimSpace(published)) }, ErrForged},
		"of no body":                  {func(_ *ir.Signature, _ http.Header, c *Call) { c.Body = nil }, ErrForged},
		"with another signature":      {func(_ *ir.Signature, h http.Header, _ *Call) { h.Set(SendGridSignature, otherSign) }, ErrForged},
		"with a signature cut short":  {func(_ *ir.Signature, h http.Header, _ *Call) { h.Set(SendGridSignature, publishedSign[:40]) }, ErrForged},
		"with another time":           {func(_ *ir.Signature, h http.Header, _ *Call) { h.Set(SendGridTimestamp, "1600112503") }, ErrForged},
		"with a time spelled longer":  {func(_ *ir.Signature, h http.Header, _ *Call) { h.Set(SendGridTimestamp, "01600112502") }, ErrForged},
		"without a time":              {func(_ *ir.Signature, h http.Header, _ *Call) { h.Del(SendGridTimestamp) }, ErrUnsigned},
		"without a signature":         {func(_ *ir.Signature, h http.Header, _ *Call) { h.Del(SendGridSignature) }, ErrUnsigned},
		"with an empty signature":     {func(_ *ir.Signature, h http.Header, _ *Call) { h.Set(SendGridSignature, "") }, ErrUnsigned},
		"with a signature of no kind": {func(_ *ir.Signature, h http.Header, _ *Call) { h.Set(SendGridSignature, "?") }, ErrUnsigned},
		"with two signatures":         {func(_ *ir.Signature, h http.Header, _ *Call) { h.Add(SendGridSignature, otherSign) }, ErrUnsigned},
		"of a kind that nobody knows": {func(s *ir.Signature, _ http.Header, _ *Call) { s.Type = "" }, ErrForged},
	} {
		t.Run(name, func(t *testing.T) {
			s, h := sound, http.Header{}
			h.Set(SendGridSignature, publishedSign)
			h.Set(SendGridTimestamp, publishedStamp)
			call := Call{Header: func(n string) []string { return h[http.CanonicalHeaderKey(n)] }, Body: []byte(published), Now: at(publishedStamp)}
			c.change(&s, h, &call)
			if err := Verify(&s, call); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if c.want == nil && Stamp(&s, call.Header) != publishedStamp {
				t.Error("the signed time is another one")
			}
		})
	}
}

// TestATimeThatIsNoneIsNotRecent: whoever has the key could sign anything as the time.
func TestATimeThatIsNoneIsNotRecent(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s := ir.Signature{Type: ir.SignatureSendGrid, PublicKeys: []string{base64.StdEncoding.EncodeToString(der)}, ToleranceSeconds: 60}
	for stamp, want := range map[string]error{"1600112502": nil, "": ErrTime, "now": ErrTime, "-1": ErrTime, "1600112502.5": ErrTime, "99999999999999": ErrTime} {
		sum := sha256.Sum256([]byte(stamp + "[]"))
		signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		h := map[string][]string{SendGridSignature: {base64.StdEncoding.EncodeToString(signature)}, SendGridTimestamp: {stamp}}
		if err := Verify(&s, Call{Header: func(n string) []string { return h[n] }, Body: []byte("[]"), Now: at("1600112502")}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", stamp, err, want)
		}
	}
}

func TestSharedSecrets(t *testing.T) {
	secret, body, now := []byte("It's a Secret to Everybody"), "Hello, World!", at("1492774577")
	mac := func(text string) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	hexed := func(text string) string { return hex.EncodeToString(mac(text)) }
	github := ir.Signature{Type: ir.SignatureHMAC, Key: "k", Header: "X-Hub-Signature-256", Prefix: "sha256=", Encoding: ir.EncodingHex}
	stripe := ir.Signature{
		Type: ir.SignatureHMAC, Key: "k", Header: "Stripe-Signature", Prefix: "v1=", Encoding: ir.EncodingHex, Text: "{timestamp}.{body}", ToleranceSeconds: 300,
		Timestamp: &ir.SignedTime{Header: "Stripe-Signature", Prefix: "t=", Format: ir.TimeUnixSeconds},
	}
	shopify := ir.Signature{Type: ir.SignatureHMAC, Key: "k", Header: "X-Shopify-Hmac-Sha256", Encoding: ir.EncodingBase64}
	slack := ir.Signature{
		Type: ir.SignatureHMAC, Key: "k", Header: "X-Slack-Signature", Prefix: "v0=", Encoding: ir.EncodingHex, Text: "v0:{timestamp}:{body}", ToleranceSeconds: 300,
		Timestamp: &ir.SignedTime{Header: "X-Slack-Request-Timestamp", Format: ir.TimeUnixSeconds},
	}
	// The example that GitHub publishes for this secret and body.
	const publishedHub = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	right := "t=1492774577,v1=" + hexed("1492774577."+body)
	for name, c := range map[string]struct {
		s      ir.Signature
		header []string
		want   error
	}{
		"GitHub's published example":  {github, []string{"X-Hub-Signature-256", publishedHub}, nil},
		"GitHub's, of another body":   {github, []string{"X-Hub-Signature-256", "sha256=" + hexed("Hello")}, ErrForged},
		"GitHub's, of SHA-1":          {github, []string{"X-Hub-Signature-256", "sha1=" + hexed(body)[:40]}, ErrUnsigned},
		"GitHub's, cut short":         {github, []string{"X-Hub-Signature-256", publishedHub[:40]}, ErrUnsigned},
		"GitHub's, without a prefix":  {github, []string{"X-Hub-Signature-256", hexed(body)}, ErrUnsigned},
		"no header":                   {github, nil, ErrUnsigned},
		"Stripe's":                    {stripe, []string{"Stripe-Signature", right}, nil},
		"Stripe's, while keys change": {stripe, []string{"Stripe-Signature", "t=1492774577, v1=" + strings.Repeat("0", 64) + ", v1=" + hexed("1492774577."+body) + ",v0=x"}, nil},
		"Stripe's, without a time":    {stripe, []string{"Stripe-Signature", "v1=" + hexed("1492774577."+body)}, ErrUnsigned},
		"Stripe's, with two times":    {stripe, []string{"Stripe-Signature", "t=1492774577," + right}, ErrUnsigned},
		"Stripe's, with another time": {stripe, []string{"Stripe-Signature", "t=1492774578,v1=" + hexed("1492774577."+body)}, ErrForged},
		"Stripe's, of the body alone": {stripe, []string{"Stripe-Signature", "t=1492774577,v1=" + hexed(body)}, ErrForged},
		"Stripe's, too old":           {stripe, []string{"Stripe-Signature", "t=1492774276,v1=" + hexed("1492774276."+body)}, ErrTime},
		"Shopify's":                   {shopify, []string{"X-Shopify-Hmac-Sha256", base64.StdEncoding.EncodeToString(mac(body))}, nil},
		"Shopify's, in hexadecimal":   {shopify, []string{"X-Shopify-Hmac-Sha256", hexed(body)}, ErrUnsigned},
		"Slack's":                     {slack, []string{"X-Slack-Signature", "v0=" + hexed("v0:1492774577:"+body), "X-Slack-Request-Timestamp", "1492774577"}, nil},
		"Slack's, by Stripe's text":   {slack, []string{"X-Slack-Signature", "v0=" + hexed("1492774577."+body), "X-Slack-Request-Timestamp", "1492774577"}, ErrForged},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for i := 0; i+1 < len(c.header); i += 2 {
				h.Add(c.header[i], c.header[i+1])
			}
			call := Call{Header: func(n string) []string { return h[http.CanonicalHeaderKey(n)] }, Body: []byte(body), Secret: secret, Now: now}
			if err := Verify(&c.s, call); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			call.Secret = nil
			if err := Verify(&c.s, call); !errors.Is(err, ErrSecret) {
				t.Errorf("without a secret: %v", err)
			}
			call.Secret = []byte("another")
			if err := Verify(&c.s, call); err == nil {
				t.Error("with another secret it is right as well")
			}
		})
	}
}
