package formfilter

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// FuzzForm holds the filter to net/url: what it accepts has the same values there, and what it writes is what is left of them.
func FuzzForm(f *testing.F) {
	for _, body := range []string{
		"to[]=y@x&to%5B%5D=n%40x&subject=a+b", "tag=&tag=%26&a/b=%C3%BC", "_charset_=utf-8&to[]=n@x", "o%3Aopens=yes", "email=y@x", "subject=%25",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body, many)
		if err != nil {
			return
		}
		want := values(t, body)
		for name, all := range want {
			if v, ok := d.Constant(field(name)); ok != (len(all) == 1) || (ok && v != all[0]) {
				t.Fatalf("%q is %q here and %q there", name, v, all)
			}
			if len(all) > 1 && name != "to[]" && name != "tag" {
				t.Fatalf("%q stands %d times", name, len(all))
			}
		}
		if all := d.Request(many, covered, keep).Body(nil); string(all) != string(body) {
			t.Fatalf("keeping everybody changed %q to %q", body, all)
		}
		var left []string
		for _, v := range want["to[]"] {
			if strings.HasPrefix(v, "y") {
				left = append(left, v)
			}
		}
		delete(want, "to[]")
		if left != nil {
			want["to[]"] = left
		}
		out := d.Request(many, covered, only).Body(nil)
		if got := values(t, out); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is left of %q", out, body)
		}
		if set, ok := d.Set("/o:opens", []byte(`"n&o"`)); !ok || values(t, set).Get("o:opens") != "n&o" {
			t.Fatalf("%q becomes %q", body, set)
		}
	})
}

func values(t *testing.T, body []byte) url.Values {
	t.Helper()
	v, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatalf("the standard library refuses %q: %v", body, err)
	}
	return v
}
