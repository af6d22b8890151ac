package jsonlist

import (
	"bytes"
	"io"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// message declares the fixture's list: what belongs to a person, by category, and what does not.
func message() *ir.Message {
	personal := []ir.Field{
		{Pointer: "/email", Category: "contact"},
		{Pointer: "/name", Category: "contact"},
		{Pointer: "/address", Category: "contact"},
		{Pointer: "/customer", Category: "contact"},
		{Pointer: "/phone", Category: "contact"},
		{Pointer: "/orders", Category: "purchases"},
		{Pointer: "/note", Category: "purchases"},
		{Pointer: "/score", Category: "purchases"},
		{Pointer: "/" + removedFirst, Category: "birth"},
		{Pointer: "/" + removedSecond, Category: "payment"},
	}
	return &ir.Message{
		Records: &ir.Records{
			Each: "/records/*", Identifier: "/" + identifier, Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
			Fields: personal, NotPersonal: []string{"/id", "/active", "/segment", "/tags", "/created"},
		},
		NotPersonal: []string{"/next"},
	}
}

func covered(category string) bool { return category == "contact" || category == "purchases" }

// filter is ours, from one stream to another.
type filter func(dst io.Writer, src io.Reader) error

// ours is the filter that the sidecar uses.
func ours(who people) (filter, error) {
	program, err := jsonfilter.Compile(message(), covered, ir.RedactionOmit)
	if err != nil {
		return nil, err
	}
	judge := func(found []jsonfilter.Subject, out []jsonfilter.Handling) {
		for i := range found {
			if who[string(found[i].Value)] {
				out[i] = jsonfilter.Keep
			}
		}
	}
	return func(dst io.Writer, src io.Reader) error {
		_, err := program.Copy(dst, src, judge, jsonfilter.Options{})
		return err
	}, nil
}

// whole runs it as the others run: from a body to a buffer that is used again.
func (f filter) whole() side {
	var in bytes.Reader
	var out bytes.Buffer
	return func(body []byte) ([]byte, error) {
		in.Reset(body)
		out.Reset()
		err := f(&out, &in)
		return out.Bytes(), err
	}
}
