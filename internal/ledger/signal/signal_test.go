package signal_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/signal"
)

func TestWhatHeadersSay(t *testing.T) {
	for name, c := range map[string]struct {
		gpc, adpc []string
		want      signal.Signals
	}{
		"nothing":                                {nil, nil, signal.Signals{}},
		"no sale":                                {[]string{"1"}, nil, signal.Signals{NoSale: true, Evidence: "Sec-GPC: 1"}},
		"a value that is none":                   {[]string{"true"}, nil, signal.Signals{}},
		"two values are none":                    {[]string{"1", "1"}, nil, signal.Signals{}},
		"one consent":                            {nil, []string{"consent=cookies"}, signal.Signals{Consent: []string{"cookies"}, Evidence: `ADPC: consent="cookies"`}},
		"two consents in quotation marks":        {nil, []string{`consent="b a"`}, signal.Signals{Consent: []string{"a", "b"}, Evidence: `ADPC: consent="a b"`}},
		"two without them are in doubt":          {nil, []string{`consent=a b`}, signal.Signals{}},
		"everything is taken back but one":       {nil, []string{"withdraw=*, consent=a"}, signal.Signals{All: true, Consent: []string{"a"}, Evidence: `ADPC: withdraw=*, consent="a"`}},
		"in headers of their own":                {nil, []string{"withdraw=*", "consent=a"}, signal.Signals{All: true, Consent: []string{"a"}, Evidence: `ADPC: withdraw=*, consent="a"`}},
		"nobody consents to everything":          {nil, []string{"consent=*"}, signal.Signals{}},
		"who takes back what they give gives no": {nil, []string{"consent=a, withdraw=a"}, signal.Signals{Withdraw: []string{"a"}, Evidence: `ADPC: withdraw="a"`}},
		"an objection to direct marketing":       {nil, []string{"object=direct-marketing"}, signal.Signals{Marketing: true, Evidence: "ADPC: object=direct-marketing"}},
		"an objection that nobody defined":       {nil, []string{"object=the-weather"}, signal.Signals{}},
		"a quotation mark that never ends":       {nil, []string{`consent="a, withdraw=b`}, signal.Signals{}},
		"characters that no identifier has":      {nil, []string{`consent="a/b c<d e@f ok"`}, signal.Signals{Consent: []string{"ok"}, Evidence: `ADPC: consent="ok"`}},
		"a header without end":                   {nil, []string{"consent=" + strings.Repeat("a,", 5000)}, signal.Signals{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := signal.Read(c.gpc, c.adpc)
			nothing := got.Empty() && c.want.Empty() && got.Evidence == ""
			if !reflect.DeepEqual(got, c.want) && !nothing {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("1", `withdraw=*, consent="a b", object=direct-marketing`)
	f.Fuzz(func(t *testing.T, gpc, adpc string) {
		s := signal.Read([]string{gpc}, []string{adpc})
		// What is kept as evidence says the same.
		again := signal.Signals{}
		if _, line, ok := strings.Cut(s.Evidence, signal.ADPC+": "); ok {
			again = signal.Read(nil, []string{line})
		}
		again.NoSale, again.Evidence = s.NoSale, s.Evidence
		nothing := again.Empty() && s.Empty()
		if len(s.Evidence) < 4096 && !reflect.DeepEqual(again, s) && !nothing {
			t.Errorf("%+v, read again %+v", s, again)
		}
		for _, id := range s.Consent {
			if id == "*" || strings.ContainsAny(id, "\n\r,\"@") {
				t.Errorf("identifier %q", id)
			}
		}
	})
}
