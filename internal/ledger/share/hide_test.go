package share

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func told(shown []part, rest int64) string {
	out := ""
	for _, p := range shown {
		out += fmt.Sprintf("%s %d, ", p.label, p.n)
	}
	return out + fmt.Sprint("others ", rest)
}

func TestWhatASplitTells(t *testing.T) {
	for name, c := range map[string]struct {
		parts []part
		want  string
	}{
		"nothing":             {nil, "others 0"},
		"all parts are large": {[]part{{"a", 511}, {"b", 20}}, "a 510, b 20, others 0"},
		"one is small: another one has to hide it":       {[]part{{"a", 511}, {"b", 27}, {"c", 5}}, "a 510, others 30"},
		"one of two is small: the other one hides it":    {[]part{{"a", 511}, {"b", 5}}, "others 510"},
		"two are small, and together too few":            {[]part{{"a", 511}, {"b", 60}, {"c", 3}, {"d", 4}}, "a 510, others 60"},
		"two are small, and together enough":             {[]part{{"a", 511}, {"b", 6}, {"c", 7}}, "a 510, others 10"},
		"all are small, and together enough":             {[]part{{"a", 5}, {"b", 6}}, "others 10"},
		"all are small, and together too few":            {[]part{{"a", 4}, {"b", 5}}, "others 0"},
		"one alone":                                      {[]part{{"a", 10}}, "a 10, others 0"},
		"one alone that is small":                        {[]part{{"a", 9}}, "others 0"},
		"what nobody is in is not told":                  {[]part{{"a", 30}, {"b", 0}}, "a 30, others 0"},
		"nobody learns which of two equal ones is first": {[]part{{"b", 30}, {"a", 30}}, "a 30, b 30, others 0"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(split(c.parts)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// Whoever knows the parts' names, the whole in tens and what is told must not be able to work out a part of fewer than 10
// people: there is always more than one possibility.
func TestNoSmallPartFollowsFromTheRest(t *testing.T) {
	labels := []string{"a", "b", "c"}
	possible := map[string][]map[int64]bool{}
	const most = 70 // people at all
	var count func(parts []part, visit func([]part))
	count = func(parts []part, visit func([]part)) {
		if len(parts) == len(labels) {
			visit(parts)
			return
		}
		for n := range int64(most) {
			count(append(slices.Clip(parts), part{labels[len(parts)], n}), visit)
		}
	}
	count(nil, func(parts []part) {
		whole := parts[0].n + parts[1].n + parts[2].n
		if whole < Step || whole >= most {
			return
		}
		k := fmt.Sprint(tens(whole), ": ", told(split(parts)))
		if possible[k] == nil {
			possible[k] = []map[int64]bool{{}, {}, {}}
		}
		for i, p := range parts {
			possible[k][i][p.n] = true
		}
	})
	checked := 0
	for _, k := range slices.Sorted(maps.Keys(possible)) {
		for i, values := range possible[k] {
			for n := range values {
				if n > 0 && n < Step && len(values) < 2 {
					t.Fatalf("told %s, part %s is %d and nothing else", k, labels[i], n)
				}
				checked++
			}
		}
	}
	if checked < 500 {
		t.Fatalf("only %d possibilities", checked)
	}
}

func TestNoSumOrDifferenceOfCountsIsSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		var parts []part
		for i := range 1 + random.IntN(6) {
			parts = append(parts, part{fmt.Sprint(i), random.Int64N(40)})
		}
		shown, rest := split(parts)
		for _, n := range append(shown, part{"others", rest}) {
			if n.n%Step != 0 || (n.n == 0 && n.label != "others") {
				t.Fatalf("%v told as %s", parts, told(shown, rest))
			}
		}
	}
	for n, want := range map[int64]string{0: "nil", 9: "nil", 10: "10", 19: "10", 995: "990"} {
		got := "nil"
		if e := enough(n); e != nil {
			got = fmt.Sprint(*e)
		}
		if got != want {
			t.Errorf("%d people are told as %s, want %s", n, got, want)
		}
	}
}
