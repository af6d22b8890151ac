package pages

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
)

var usedKey = regexp.MustCompile(`\.T "([a-z0-9.-]+)"`)

// TestEveryWordIsThere: in both languages, with the same arguments, and for everything that an event, a grant or a use can say.
func TestEveryWordIsThere(t *testing.T) {
	need := map[string]bool{}
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := templateFiles.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range usedKey.FindAllStringSubmatch(string(raw), -1) {
			need[m[1]] = true
		}
	}
	if len(need) < 90 {
		t.Fatalf("only %d keys were found in templates", len(need))
	}
	add := func(prefix string, values ...string) {
		for _, v := range values {
			need[prefix+v] = true
		}
	}
	for _, h := range helped {
		add("error.", h.key, h.key+".what")
	}
	for _, a := range acts {
		add("did.", string(a))
	}
	for _, p := range []consent.Proof{consent.ProofMailboxConfirmed, consent.ProofNumberConfirmed, consent.ProofSigned, consent.ProofAuthenticatedSession} {
		add("proof.", string(p))
	}
	add("done.", "confirmed", "disowned", "withdrawn", "answered")
	add("ground.", "existingCustomer", "legitimateInterest", "presumedConsent", "publicTask")
	add("status.", "pending", "given", "renewed", "unproven", "withdrawn", "cancelled", "invalidated", "expired", "unused")
	add("actor.", "", "person", "touchpoint", "officer", "import")
	add("event.", "asked", "refused", "deferred", "given", "confirmed", "disowned", "renewed", "widened", "withdrawn", "cancelled", "corrected", "objected", "objectionLifted",
		"restricted", "unrestricted", "relationship", "attribute", "linked", "unlinked", "used", "erasureRequested", "erased", "suppressed")
	for key := range need {
		for _, l := range languages {
			if texts[l][key] == "" {
				t.Errorf("%s has no words for %q", l, key)
			}
		}
	}
	for _, l := range languages {
		for key, text := range texts[l] {
			if other := texts["en"][key]; strings.Count(text, "%") != strings.Count(other, "%") || other == "" {
				t.Errorf("%s: %q takes other arguments than in English, or is not there", l, key)
			}
		}
	}
}

// aboutRequests are reasons that no use of a person can have.
var aboutRequests = []decide.Reason{
	decide.HostUndeclared, decide.EndpointUnknown, decide.PurposeUndeclared, decide.PurposeAmbiguous, decide.NamespaceNotAllowed, decide.NoPolicy, decide.CategoryNotCovered,
	decide.PartyNotCovered, decide.TransferNotCovered, decide.ObligationUnmet, decide.NotCanonical, decide.BodyUnreadable, decide.BodyTooLarge, decide.EncodingNotAllowed,
	decide.TLSRefused, decide.CredentialNotAllowed, decide.CredentialMissing, decide.SignatureRefused, decide.CallerUnknown, decide.InternalError, decide.NotPermitted, decide.PersonUnresolved,
}

func TestEveryReasonAboutAPersonHasWords(t *testing.T) {
	for _, r := range decide.Reasons() {
		if slices.Contains(aboutRequests, r) {
			continue
		}
		for _, l := range languages {
			if key := (&view{Lang: l}).Reason(string(r)); key == "reason.other" {
				t.Errorf("%s has no words for %s", l, r)
			}
		}
	}
}

func TestTheScriptIsSmallAndKeepsNothing(t *testing.T) {
	if len(formScript) > 8<<10 {
		t.Errorf("the script has %d bytes", len(formScript))
	}
	for _, word := range []string{"cookie", "localStorage", "sessionStorage", "indexedDB", "innerHTML", "eval", ".style", "checked ="} {
		code := regexp.MustCompile(`(?m)^\s*//.*$`).ReplaceAllString(string(formScript), "")
		if strings.Contains(code, word) {
			t.Errorf("the script says %q", word)
		}
	}
}
