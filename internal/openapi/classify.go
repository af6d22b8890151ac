package openapi

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/optup/optup/api/v1alpha1"
)

// kind is what a value is.
type kind int

const (
	unknown kind = iota
	personal
	notPersonal
)

// verdict is what a value seems to be.
type verdict struct {
	kind       kind
	category   v1alpha1.DataCategory
	confidence Confidence
	why        string
	// free tells that people write the text, so that it is not known what is in it.
	free bool
}

// identity is what identifies somebody.
type identity struct {
	v1alpha1.Identifies
	confidence Confidence
	why        string
}

func (i *identity) String() string {
	form := i.Form
	if form == "" {
		form = v1alpha1.FormPlain
	}
	return fmt.Sprintf("%s %s", i.Type, form)
}

// about is what an endpoint deals with, by its path, tags and name.
type about struct {
	// person: single people. things: what is no person. figures: statistics. tracks: whether people are tracked.
	person, things, figures, tracks bool
	// send: messages to people. envelope: people are in lists, and what is looked at is around them.
	send, envelope bool
}

// single tells that a value in nobody's record may still be about one person.
func (a about) single() bool { return a.person && !a.send && !a.envelope }

var (
	saysSHA256 = regexp.MustCompile(`(?i)\bsha-?256\b`)
	saysMD5    = regexp.MustCompile(`(?i)\bmd5\b`)
	saysHash   = regexp.MustCompile(`(?i)\bhash(ed|es)?\b`)
	saysEmail  = regexp.MustCompile(`(?i)\be-?mail address(es)?\b`)
	saysPhone  = regexp.MustCompile(`(?i)\b(tele)?phone numbers?\b`)
)

var (
	emailEnds = []string{"email", "address", "to", "hash", "hashed", "sha256", "md5", "recipient", "cc", "bcc"}
	phoneEnds = []string{"phone", "telephone", "mobile", "msisdn", "cellphone", "number", "tel", "fax", "whatsapp", "hash", "hashed", "sha256", "md5"}
	devices   = []string{"idfa", "idfv", "gaid", "aaid", "fingerprint", "cookie"}
)

// identify says whom a value identifies, if anybody.
func identify(n *node) *identity {
	if !n.textual() && !n.is("integer", "number") {
		return nil
	}
	w := n.words
	quoted := fmt.Sprintf("by name %q", clean(n.name))
	switch {
	case (n.format == "email" || n.format == "idn-email") && n.textual():
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierEmail), confidence: High, why: fmt.Sprintf("e-mail address by format %q", n.format)})
	case w.has("email") && w.endsIn(emailEnds...) && n.textual() && !n.enum:
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierEmail), confidence: High, why: "e-mail address " + quoted})
	case (n.format == "phone" || n.format == "tel" || n.format == "e164") && n.textual():
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierPhone), confidence: High, why: fmt.Sprintf("telephone number by format %q", n.format)})
	case w.has("phone", "telephone", "mobile", "msisdn", "cellphone", "tel", "whatsapp") && w.endsIn(phoneEnds...) && !n.enum:
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierPhone), confidence: High, why: "telephone number " + quoted})
	case w.are("to", "cc", "bcc", "recipient", "addressee") && n.textual() && saysEmail.MatchString(n.text):
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierEmail), confidence: Medium, why: "e-mail address by its description"})
	case w.are("to", "recipient", "addressee") && n.textual() && saysPhone.MatchString(n.text):
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierPhone), confidence: Medium, why: "telephone number by its description"})
	case w.has(devices...), w.endsIn("id") && w.has("device", "advertising", "anonymous", "visitor", "browser"), w.endsIn("token") && w.has("push", "device"):
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierDevice), confidence: Medium, why: "a device " + quoted})
	case len(w) >= 2 && w.endsIn("id", "uuid", "guid", "number", "no") && slices.Contains(owned, w[len(w)-2]):
		return n.hashed(identity{Identifies: of(v1alpha1.IdentifierCustomer), confidence: Medium, why: "a person's number " + quoted})
	}
	return nil
}

func of(t v1alpha1.IdentifierType) v1alpha1.Identifies { return v1alpha1.Identifies{Type: t} }

// hashed completes an identity with the form that name and description suggest.
func (n *node) hashed(i identity) *identity {
	switch {
	case n.words.has("sha256"):
		i.Form, i.why = v1alpha1.FormSHA256, i.why+", SHA-256 by its name"
	case n.words.has("md5"):
		i.Form, i.why = v1alpha1.FormMD5, i.why+", MD5 by its name"
	case saysSHA256.MatchString(n.text):
		i.Form, i.confidence, i.why = v1alpha1.FormSHA256, weaker(i.confidence, Medium), i.why+", SHA-256 by its description"
	case saysMD5.MatchString(n.text):
		i.Form, i.confidence, i.why = v1alpha1.FormMD5, weaker(i.confidence, Medium), i.why+", MD5 by its description"
	case n.words.has("hash", "hashed"), saysHash.MatchString(n.text):
		i.Form, i.confidence, i.why = v1alpha1.FormSHA256, Low, i.why+", a hash, but the document does not say which"
	}
	return &i
}

// classify says what a value is. record is the record of the person that it is in, or nil.
func classify(n *node, a about, record *node) verdict {
	inPerson := record != nil
	if n.opaque != "" {
		return verdict{confidence: Low, why: n.opaque}
	}
	if id := identify(n); id != nil {
		return is(map[v1alpha1.IdentifierType]v1alpha1.DataCategory{
			v1alpha1.IdentifierEmail: emailAddress, v1alpha1.IdentifierPhone: telephone,
			v1alpha1.IdentifierCustomer: identifier, v1alpha1.IdentifierDevice: device,
		}[id.Type], id.confidence, id.why)
	}
	if n.words.has("password", "secret", "passphrase", "pin", "cvc", "cvv") || n.format == "password" {
		return verdict{confidence: Low, why: "a secret"}
	}
	if v := names(n, a, record); v.kind != unknown {
		return v
	}
	v := byRule(n, record)
	figure := n.is("integer", "number") && a.figures && !a.person
	switch {
	case v.kind != unknown && v.confidence != Low:
		return v
	case inPerson:
		return harmlessInRecord(n)
	case v.kind != unknown && !figure:
		return v
	default:
		return harmless(n, a)
	}
}

// is gives a verdict of personal data.
func is(category v1alpha1.DataCategory, c Confidence, why string) verdict {
	return verdict{kind: personal, category: category, confidence: c, why: why}
}

// names judges what ends in "name".
func names(n *node, a about, record *node) verdict {
	w := n.words
	inPerson := record != nil
	if !w.endsIn("name") || !n.textual() {
		return verdict{}
	}
	quoted := fmt.Sprintf("by name %q", clean(n.name))
	switch {
	case len(w) > 1 && slices.Contains(owned, w[len(w)-2]):
		return is(personName, Medium, "a person's name "+quoted)
	case len(w) > 1 && slices.Contains(things, w[len(w)-2]):
		return verdict{kind: notPersonal, confidence: Medium, why: "the name of a thing " + quoted, free: true}
	case len(w) > 1 && w.has("company", "organization", "organisation", "business"):
		return verdict{kind: unknown, confidence: Low, why: "a company's name may be a person's"}
	case inPerson && n.parent == record && len(w) == 1:
		return is(personName, High, "a person's name by name \"name\", beside what identifies the person")
	case inPerson && n.parent == record:
		return is(personName, Medium, "a person's name "+quoted+", beside what identifies the person")
	case !inPerson && a.things && !a.person:
		return verdict{kind: notPersonal, confidence: Medium, why: "the name of a thing " + quoted, free: true}
	}
	return verdict{}
}

// byRule goes through the rules, for the name of the value, and in a record for those of what it is in there.
func byRule(n, record *node) verdict {
	for at := n; at != nil && at != record; at = at.parent {
		if r := ruleFor(at, at == n); r != nil {
			c := r.elsewhere
			if record != nil {
				c = r.person
			}
			if at != n {
				c = weaker(c, Medium)
			}
			if c != "" {
				return is(r.category, c, fmt.Sprintf("%s by name %q", r.what, clean(at.name)))
			}
		}
		if record == nil {
			break
		}
	}
	return verdict{}
}

func ruleFor(n *node, itself bool) *rule {
	for i := range rules {
		if r := &rules[i]; (itself || r.below) && r.matches(n.words) && (r.category != personName || n.textual()) {
			return r
		}
	}
	if itself && n.words.are("state") && n.beside("city", "zip", "zipcode", "postcode", "country", "street") {
		return &rule{category: "pd:PhysicalAddress", what: "a postal address", person: Medium, elsewhere: Low}
	}
	return nil
}

// beside tells whether a member of the same object has one of these words in its name.
func (n *node) beside(list ...string) bool {
	return n.parent != nil && slices.ContainsFunc(n.parent.children, func(c *node) bool { return c.words.has(list...) })
}
