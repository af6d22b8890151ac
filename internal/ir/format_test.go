package ir_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

var email = ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}

func bundle(e ir.Endpoint) *ir.Bundle {
	e.Name, e.Methods, e.Path = "e", []string{"POST"}, "/e"
	return &ir.Bundle{
		Schema: ir.Schema, Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30000,
		Services: []ir.Service{{Name: "n/s", Hosts: []string{"s"}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}}, Endpoints: []ir.Endpoint{e}}},
	}
}

func request(m ir.Message) ir.Endpoint  { return ir.Endpoint{Request: &m} }
func response(m ir.Message) ir.Endpoint { return ir.Endpoint{Response: &m} }

func to(each, identifier string) []ir.Addressees {
	return []ir.Addressees{{Each: each, Identifier: identifier, Identifies: email}}
}

func TestWhatAFormatCannotSay(t *testing.T) {
	off := []ir.Switch{{Tracking: ir.OpenTracking, Pointer: "/o", Off: json.RawMessage("false"), Processing: []ir.Processing{ir.ProcessingTrack}}}
	records := func(each, identifier string) *ir.Records {
		return &ir.Records{Each: each, Identifier: identifier, Identifies: email}
	}
	for name, tt := range map[string]struct {
		e    ir.Endpoint
		says string
	}{
		"a format that is none":            {request(ir.Message{Format: "YAML"}), `format "YAML"`},
		"events in a request":              {request(ir.Message{Format: ir.FormatEventStream}), "for answers only"},
		"a form in an answer":              {response(ir.Message{Format: ir.FormatForm}), "for requests only"},
		"switches in a table":              {request(ir.Message{Format: ir.FormatCSV, Switches: off}), "JSON and Form only"},
		"switches in lines":                {request(ir.Message{Format: ir.FormatNDJSON, Switches: off}), "JSON and Form only"},
		"an obligation in a table":         {ir.Endpoint{Request: &ir.Message{Format: ir.FormatCSV}, Fulfils: []ir.Fulfilment{{Obligation: ir.Anonymise, Pointer: "/a"}}}, "can show an obligation"},
		"a row that is not each":           {request(ir.Message{Format: ir.FormatCSV, Addressees: to("/rows/*", "/email")}), "each is /*"},
		"the table itself":                 {request(ir.Message{Format: ir.FormatCSV, Addressees: to("", "/email")}), "each is /*"},
		"a row that is its own identifier": {request(ir.Message{Format: ir.FormatCSV, Addressees: to("/*", "")}), "it is one column"},
		"an identifier below a column":     {request(ir.Message{Format: ir.FormatCSV, Addressees: to("/*", "/a/b")}), "it is one column"},
		"two addressees in a row":          {request(ir.Message{Format: ir.FormatCSV, Addressees: append(to("/*", "/a"), to("/*", "/b")...)}), "a row is one addressee"},
		"a column outside of rows":         {request(ir.Message{Format: ir.FormatCSV, NotPersonal: []string{"/a"}}), "a column of every row"},
		"something below a column":         {request(ir.Message{Format: ir.FormatCSV, NotPersonal: []string{"/*/a/b"}}), "a column of every row"},
		"every column":                     {request(ir.Message{Format: ir.FormatCSV, NotPersonal: []string{"/*/*"}}), "a column of every row"},
		"the table as one record":          {response(ir.Message{Format: ir.FormatCSV, Records: records("", "/email")}), "each is /*"},
		"something outside of records":     {response(ir.Message{Format: ir.FormatCSV, Records: records("/*", "/email"), NotPersonal: []string{"/*/a"}}), "outside of records"},
		"a field below a column of a record": {
			response(ir.Message{Format: ir.FormatCSV, Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/a/b"}}}), "it is one column",
		},
		"people outside of lines":        {request(ir.Message{Format: ir.FormatNDJSON, Addressees: to("/to/*", "")}), "begins with /*"},
		"the lines themselves":           {request(ir.Message{Format: ir.FormatNDJSON, Addressees: to("", "/email")}), "begins with /*"},
		"a field outside of lines":       {request(ir.Message{Format: ir.FormatNDJSON, NotPersonal: []string{"/a"}}), "begins with /*"},
		"records outside of events":      {response(ir.Message{Format: ir.FormatEventStream, Records: records("/a/*", "/email")}), "begins with /*"},
		"all events as one record":       {response(ir.Message{Format: ir.FormatEventStream, Records: records("", "/email")}), "begins with /*"},
		"columns in lines":               {response(ir.Message{Format: ir.FormatNDJSON, Records: &ir.Records{Each: "/*", Identifier: "/a", Columns: "/c", Identifies: email}}), "JSON only"},
		"a field of a field":             {request(ir.Message{Format: ir.FormatForm, NotPersonal: []string{"/a/b"}}), "it is one field"},
		"a list with an identifier":      {request(ir.Message{Format: ir.FormatForm, Addressees: to("/to/*", "/email")}), "the values of one name"},
		"a form without an identifier":   {request(ir.Message{Format: ir.FormatForm, Addressees: to("", "")}), "the values of one name"},
		"a field that some servers obey": {request(ir.Message{Format: ir.FormatForm, NotPersonal: []string{"/_method"}}), "an instruction"},
		"a switch that is turned to null": {
			request(ir.Message{Format: ir.FormatForm, Switches: []ir.Switch{{Tracking: ir.OpenTracking, Pointer: "/o", Off: json.RawMessage("null"), Processing: []ir.Processing{ir.ProcessingTrack}}}}), "no string, number or boolean",
		},
		"a name in query and form": {
			ir.Endpoint{Query: []ir.QueryParam{{Name: "a/b"}}, Request: &ir.Message{Format: ir.FormatForm, NotPersonal: []string{"/a~1b"}}}, "in one place",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := ir.Validate(bundle(tt.e))
			if !errors.Is(err, ir.ErrBundle) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestFormatsAreCritical(t *testing.T) {
	for name, tt := range map[string]struct {
		e    ir.Endpoint
		want []string
	}{
		"JSON":                   {request(ir.Message{Addressees: to("/to/*", "/email")}), nil},
		"a request in lines":     {request(ir.Message{Format: ir.FormatNDJSON}), []string{"message.format"}},
		"an answer as a table":   {response(ir.Message{Format: ir.FormatCSV}), []string{"message.format"}},
		"an answer in events":    {response(ir.Message{Format: ir.FormatEventStream}), []string{"message.format"}},
		"the body is an address": {request(ir.Message{Addressees: to("", "/email")}), []string{"addressees.body"}},
		"a form":                 {request(ir.Message{Format: ir.FormatForm, Addressees: to("", "/email")}), []string{"addressees.body", "message.format"}},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := ir.Encode(bundle(tt.e))
			if err != nil {
				t.Fatal(err)
			}
			b, err := ir.Decode(data)
			if err != nil || !slices.Equal(b.Critical, tt.want) {
				t.Errorf("%v, %v", b, err)
			}
		})
	}
}

// TestAFormatOfTheFutureIsRefused: whoever does not know how a body is written cannot find people in it.
func TestAFormatOfTheFutureIsRefused(t *testing.T) {
	data, err := ir.Encode(bundle(request(ir.Message{Format: ir.FormatCSV})))
	if err != nil {
		t.Fatal(err)
	}
	for _, changed := range []string{strings.Replace(string(data), `"CSV"`, `"Avro"`, 1), strings.Replace(string(data), "message.format", "message.format.avro", 1)} {
		if _, err := ir.Decode([]byte(changed)); !errors.Is(err, ir.ErrBundle) {
			t.Errorf("%s: %v", changed, err)
		}
	}
}
