package decide

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
)

// changed gives a value that differs in one member.
func changed[T any](t *testing.T, v T, member int) T {
	t.Helper()
	switch f := reflect.ValueOf(&v).Elem().Field(member); f.Kind() {
	case reflect.String:
		f.SetString("other")
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Int, reflect.Int64:
		f.SetInt(f.Int() + 1)
	case reflect.Uint64:
		f.SetUint(f.Uint() + 1)
	case reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 1, 1))
	case reflect.Struct:
		f.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
	default:
		t.Fatalf("%s has a member of a kind that this test does not know: %s", reflect.TypeFor[T](), f.Kind())
	}
	return v
}

// TestNothingThatIsSaidIsBlank holds for members that are yet to come, too.
func TestNothingThatIsSaidIsBlank(t *testing.T) {
	if !blank(&consent.Fact{}) {
		t.Error("nothing is something")
	}
	for i := range reflect.TypeFor[consent.Fact]().NumField() {
		if f := changed(t, consent.Fact{}, i); blank(&f) {
			t.Errorf("%s is left out", reflect.TypeFor[consent.Fact]().Field(i).Name)
		}
	}
}

// TestGrantsThatDifferAreKept: of two grants that differ in what decisions depend on, both stay.
func TestGrantsThatDifferAreKept(t *testing.T) {
	g := consent.Grant{Purpose: "newsletter", Notice: "n-1", Status: consent.StatusGiven}
	kept := 0
	for i := range reflect.TypeFor[consent.Grant]().NumField() {
		other := changed(t, g, i)
		a, b := reduceGrant(&g, true, true, true), reduceGrant(&other, true, true, true)
		if differ := !reflect.DeepEqual(a, b); differ == sameGrant(&a, &b) {
			t.Errorf("grants that differ in %s: %t", reflect.TypeFor[consent.Grant]().Field(i).Name, differ)
		} else if differ {
			kept++
		}
	}
	f, _ := Reduce(consent.Fact{Grants: slices.Repeat([]consent.Grant{g}, 3)}, true)
	if kept < 8 || len(f.Grants) != 1 {
		t.Errorf("%d members tell grants apart; of equal grants stay %d", kept, len(f.Grants))
	}
}
