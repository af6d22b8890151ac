package jsonfilter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/optup/optup/internal/ir"
)

// customers are records as a customer data platform gives them.
var customers = &ir.Message{
	Records: &ir.Records{
		Each: "/data/*", Identifier: "/email", Identifies: email,
		Fields: []ir.Field{
			{Pointer: "/email", Category: "pd:EmailAddress"},
			{Pointer: "/first_name", Category: "pd:Name"},
			{Pointer: "/last_name", Category: "pd:Name"},
			{Pointer: "/phone", Category: "pd:MedicalHealth"},
			{Pointer: "/address", Category: "pd:Name"},
			{Pointer: "/orders", Category: "pd:Name"},
			{Pointer: "/tags", Category: "pd:Name"},
		},
		NotPersonal: []string{"/id", "/created_at", "/updated_at", "/locale", "/marketing"},
	},
	NotPersonal: []string{"/page"},
	Totals:      []string{"/total"},
}

// customerList has records of about 600 bytes; every other one is of somebody who is kept, and two members of each are to be taken out.
func customerList(n int) []byte {
	var out bytes.Buffer
	out.WriteString(`{"page":{"cursor":"c2Vx","size":10000},"data":[`)
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"id":%d,"email":"%c.muster%d@example.org","first_name":"J\u00fcrgen","last_name":"Großmann-%d","phone":"+49 30 %07d",`+
			`"created_at":"2025-03-%02dT08:15:30Z","updated_at":"2026-01-%02dT17:45:01Z","locale":"de-DE","score":0.%d,`+
			`"address":{"street":"Lange Straße %d","postal_code":"10%03d","city":"München","country":"DE"},`+
			`"orders":[{"number":"A-%d","item":"Rake, 3\" \u2013 green","quantity":%d,"price":19.99},{"number":"B-%d","item":"Hose","quantity":1,"price":%d.5}],`+
			`"tags":["garden","newsletter","vip"],"marketing":{"email":true,"sms":false,"source":"checkout"}}`,
			100000+i, "ny"[i%2], i, i, i, 1+i%28, 1+i%28, 1+i%9, 1+i%200, i%1000, i, 1+i%5, i, i%100)
	}
	fmt.Fprintf(&out, `],"total":%d}`, n)
	return out.Bytes()
}

var secretMembers = []string{"phone", "score"}

func BenchmarkList(b *testing.B) {
	body := customerList(10000)
	p := program(b, customers)
	for name, run := range map[string]func(){
		"stream": func() {
			if o, err := p.Copy(io.Discard, bytes.NewReader(body), yes, Options{}); err != nil || o.Kept != 5000 {
				b.Fatal(o, err)
			}
		},
		"document": func() {
			d, err := Parse(body)
			if err != nil {
				b.Fatal(err)
			}
			d.Response(customers, covered, ir.RedactionOmit, only)
		},
		"encodingjson": func() { decodeEncode(b, body) },
		"tokens":       func() { copyTokens(b, body) },
		"values":       func() { copyValues(b, body) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

// decodeEncode filters as a program does that knows nothing but encoding/json.
func decodeEncode(b *testing.B, body []byte) {
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil {
		b.Fatal(err)
	}
	kept := []any{}
	for _, one := range doc["data"].([]any) {
		record := one.(map[string]any)
		if record["email"].(string)[0] != 'y' {
			continue
		}
		for _, name := range secretMembers {
			delete(record, name)
		}
		kept = append(kept, record)
	}
	doc["data"] = kept
	delete(doc, "total")
	if _, err := json.Marshal(doc); err != nil {
		b.Fatal(err)
	}
}

// copyTokens reads and writes each token with the strictness of the package, and filters nothing.
func copyTokens(b *testing.B, body []byte) {
	dec, enc := jsontext.NewDecoder(bytes.NewReader(body)), jsontext.NewEncoder(io.Discard)
	for {
		t, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
		if err := enc.WriteToken(t); err != nil {
			b.Fatal(err)
		}
	}
}

// copyValues reads each record as a value and writes it, and filters nothing.
func copyValues(b *testing.B, body []byte) {
	dec, enc := jsontext.NewDecoder(bytes.NewReader(body)), jsontext.NewEncoder(io.Discard)
	for dec.PeekKind() != 0 {
		if dec.StackDepth() == 2 && dec.PeekKind() == '{' {
			v, err := dec.ReadValue()
			if err != nil {
				b.Fatal(err)
			}
			if err := enc.WriteValue(v); err != nil {
				b.Fatal(err)
			}
			continue
		}
		t, err := dec.ReadToken()
		if err != nil {
			b.Fatal(err)
		}
		if err := enc.WriteToken(t); err != nil {
			b.Fatal(err)
		}
	}
}
