package shop

import (
	"bytes"
	"encoding/csv"
	"maps"
	"strings"
	"testing"
)

func TestStoriesAddUpToEverybody(t *testing.T) {
	sum := 0
	for _, s := range stories {
		sum += s.weight
	}
	if sum != 1000 {
		t.Errorf("stories are told of %d of 1000 people", sum)
	}
}

// exported reads the consent export back by the names in its header.
func exported(t *testing.T, seed uint64, n int) []map[string]string {
	t.Helper()
	var text bytes.Buffer
	if err := WriteConsents(&text, Consents(seed, n)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "identifier_type,identifier,event,purpose,notice,at,touchpoint,proof,evidence,channel,goods,objection_notice,scope" {
		t.Fatalf("the header is %s", got)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		named := map[string]string{}
		for i, name := range rows[0] {
			named[name] = row[i]
		}
		out = append(out, named)
	}
	return out
}

// TestTruthIsWhatTheExportComesTo folds the text of the export by the plainest rules there are, and compares.
func TestTruthIsWhatTheExportComesTo(t *testing.T) {
	for seed := range uint64(3) {
		newsletter, profile := map[string]bool{}, map[string]bool{}
		for _, row := range exported(t, seed, everybody) {
			who := strings.ToLower(row["identifier"])
			switch row["event"] + " " + row["purpose"] {
			case "given newsletter":
				if row["proof"] == "MailboxConfirmed" {
					newsletter[who] = true
				}
			case "given profile-view":
				if row["evidence"] != "" {
					profile[who] = true
				}
			case "withdrawn newsletter":
				delete(newsletter, who)
			case "withdrawn profile-view":
				delete(profile, who)
			case "objected ":
				delete(newsletter, who)
				delete(profile, who)
			case "relationship ":
			default:
				t.Fatalf("a row says %q of %q", row["event"], row["purpose"])
			}
		}
		truth := Truth(seed, everybody)
		if !maps.Equal(truth.Newsletter, newsletter) {
			t.Errorf("seed %d: %d people may get the newsletter, the export comes to %d others", seed, len(truth.Newsletter), len(newsletter))
		}
		if !maps.Equal(truth.ProfileView, profile) {
			t.Errorf("seed %d: %d people may be shown, the export comes to %d others", seed, len(truth.ProfileView), len(profile))
		}
		if n := len(newsletter); n < everybody/4 || n > everybody*2/5 {
			t.Errorf("seed %d: %d of %d may get the newsletter; it should be well under half", seed, n, everybody)
		}
	}
}

// TestNobodyAgreesAfterANoWithoutKnowingOfIt: a ledger would refuse such a row, because an old export cannot know that the person
// changed their mind.
func TestNobodyAgreesAfterANoWithoutKnowingOfIt(t *testing.T) {
	noes, last, kinds := map[string]bool{}, "", map[string]int{}
	for _, row := range exported(t, 1, everybody) {
		who := strings.ToLower(row["identifier"])
		if row["at"] < last {
			t.Fatalf("a row of %s follows one of %s", row["at"], last)
		}
		last = row["at"]
		kinds[row["event"]]++
		switch row["event"] {
		case "withdrawn":
			noes[who+" "+row["purpose"]] = true
		case "objected":
			noes[who+" newsletter"], noes[who+" profile-view"] = true, true
			if row["scope"] != "all" {
				t.Errorf("an objection has the scope %q", row["scope"])
			}
		case "given":
			if noes[who+" "+row["purpose"]] {
				t.Errorf("somebody agrees to %s after a no", row["purpose"])
			}
			if row["notice"] == "" {
				t.Error("somebody agrees to no wording")
			}
		}
	}
	for _, kind := range []string{"given", "withdrawn", "objected", "relationship"} {
		if kinds[kind] == 0 {
			t.Errorf("nobody has %s", kind)
		}
	}
}
