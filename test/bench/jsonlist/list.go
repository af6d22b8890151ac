package jsonlist

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
)

// The members that are removed from records that stay. They are taken for personal data that the purpose does not cover.
const (
	removedFirst, removedSecond = "birthday", "iban"
	identifier                  = "email"
)

// people tells who may be seen. Every side looks identifiers up in the same map, which costs each the same.
type people map[string]bool

// records writes n records of about 600 bytes each, with commas between. Every second person may be seen, in no order that a branch
// predictor could learn.
func records(n int, seed uint64) (list [][]byte, who people) {
	r := rand.New(rand.NewPCG(seed, 600))
	who = make(people, n)
	list = make([][]byte, n)
	for i := range list {
		address := fmt.Sprintf("%s.%s%d@mail.example", pick(r, firstNames), pick(r, lastNames), i)
		who[address] = r.IntN(2) == 0
		list[i] = record(r, i, address)
	}
	return list, who
}

var (
	firstNames = []string{"anna", "bert", "clara", "dieter", "elif", "fatma", "georg", "hanna", "ibrahim", "jonas"}
	lastNames  = []string{"mueller", "schmidt", "yilmaz", "weber", "kowalski", "becker", "nguyen", "hoffmann"}
	cities     = []string{"Köln", "Berlin", "München", "Düsseldorf", "Leipzig", "Saarbrücken"}
	notes      = []string{
		"Asked for the catalogue \\\"Summer\\\" and a call back in the afternoon, but not before three.", "Prefers the shop in the old town; parks behind the house.",
		"Returned the grey coat, kept the gloves\\nand wrote a kind letter.", "Pr\\u00e4mienkunde seit zehn Jahren, fragt nach Neuheiten.",
	}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func record(r *rand.Rand, i int, address string) []byte {
	var b bytes.Buffer
	first, last := pick(r, firstNames), pick(r, lastNames)
	fmt.Fprintf(&b, `{"id":%d,"customer":"C-%08d","email":%q,"name":{"first":%q,"last":%q},"birthday":"19%02d-%02d-%02d",`,
		i, r.IntN(1e8), address, first, last, 40+r.IntN(60), 1+r.IntN(12), 1+r.IntN(28))
	fmt.Fprintf(&b, `"address":{"street":"Lange Straße %d","zip":"%05d","city":%q,"country":"DE"},"iban":"DE%020d",`,
		1+r.IntN(200), r.IntN(1e5), pick(r, cities), r.Uint64N(1e18))
	fmt.Fprintf(&b, `"orders":[{"sku":"A-%05d","price":%d.%02d,"quantity":%d},{"sku":"B-%05d","price":%d.%02d,"quantity":%d}],`,
		r.IntN(1e5), r.IntN(300), r.IntN(100), 1+r.IntN(4), r.IntN(1e5), r.IntN(300), r.IntN(100), 1+r.IntN(4))
	fmt.Fprintf(&b, `"phone":"+49221%07d","score":%.6f,"active":%t,"segment":null,"tags":["newsletter","%s","vip%d"],"note":"%s","created":"2024-%02d-%02dT08:30:00Z"}`,
		r.IntN(1e7), r.Float64(), r.IntN(2) == 0, pick(r, cities), r.IntN(9), pick(r, notes), 1+r.IntN(12), 1+r.IntN(28))
	return b.Bytes()
}

// document is a whole body.
func document(list [][]byte) []byte {
	return append(append([]byte(`{"records":[`), bytes.Join(list, []byte{','})...), `],"next":"c-2"}`...)
}

// same tells whether two bodies say the same.
func same(a, b []byte) error {
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return fmt.Errorf("it wrote no JSON: %w", err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		return err
	}
	if !reflect.DeepEqual(x, y) {
		return fmt.Errorf("it left something else: %d bytes instead of %d", len(a), len(b))
	}
	return nil
}
