package shop

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const everybody = 10_000

func TestPeopleAreDistinctAndReachNobody(t *testing.T) {
	for seed := range uint64(3) {
		seen, letters := map[string]bool{}, ""
		for _, c := range People(seed, everybody) {
			if seen[c.Email] {
				t.Fatalf("seed %d: an address is there twice", seed)
			}
			seen[c.Email] = true
			letters += c.Name.First + c.Name.Last
			if strings.ContainsFunc(c.Email, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.ToLower(c.Email) != c.Email ||
				strings.Count(c.Email, "@") != 1 {
				t.Errorf("%q of %s %s is no plain address", c.Email, c.Name.First, c.Name.Last)
			}
			if _, domain, _ := strings.Cut(c.Email, "@"); !slices.Contains(mailDomains, domain) {
				t.Errorf("%q is an address outside of the domains for examples", c.Email)
			}
		}
		for _, want := range []string{"ü", "ß", "Ö", "ç", "Ł", "ş", "é"} {
			if !strings.Contains(letters, want) {
				t.Errorf("seed %d: nobody has %s in their name", seed, want)
			}
		}
	}
}

func TestEverythingFollowsFromTheSeed(t *testing.T) {
	a, b := People(7, 300), People(7, 500)
	if !reflect.DeepEqual(a, b[:300]) {
		t.Error("the first people of a seed depend on how many there are")
	}
	if reflect.DeepEqual(a, People(8, 300)) {
		t.Error("two seeds have the same people")
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := WriteConsents(out, Consents(7, 300)); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() || first.Len() == 0 {
		t.Error("the consents of a seed differ from one time to the next")
	}
}

func TestSomePeopleHaveHealthDataAndAllHaveAScore(t *testing.T) {
	people, health, scores := People(1, everybody), 0, map[float64]bool{}
	for _, c := range people {
		if c.Health != nil {
			health++
		}
		scores[c.Score] = true
	}
	if health < everybody/50 || health > everybody/10 {
		t.Errorf("%d of %d people have health data", health, everybody)
	}
	if len(scores) < 500 {
		t.Errorf("only %d different scores", len(scores))
	}
}

func TestAnAddresseeListFitsIntoAConfigMap(t *testing.T) {
	people := People(1, everybody)
	file := filepath.Join(t.TempDir(), "addressees.csv")
	f, err := os.Create(file) //nolint:gosec // a test's folder
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteAddressees(f, people); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil || info.Size() > 1<<20 {
		t.Errorf("the list has %d bytes, a ConfigMap takes %d (%v)", info.Size(), 1<<20, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := ReadAddressees(file)
	if err != nil || len(list) != everybody {
		t.Fatalf("read back %d rows: %v", len(list), err)
	}
	if list[41] != (Addressee{Email: people[41].Email, ID: people[41].ID}) {
		t.Errorf("row 42 came back as %+v", list[41])
	}
}

func TestListsThatAreNoAddresseeListsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "a header alone": "email,id\n", "another header": "id,email\nc-1,a@example.org\n", "a row too short": "email,id\na@example.org\n",
	} {
		file := filepath.Join(t.TempDir(), "list.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if list, err := ReadAddressees(file); err == nil {
			t.Errorf("%s was read as %v", name, list)
		}
	}
}

// TestTheShopKnowsNothingOfOptUp: its programs stand for other people's software, so they link the standard library alone.
func TestTheShopKnowsNothingOfOptUp(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if first, _, _ := strings.Cut(strings.Trim(i.Path.Value, `"`), "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}
