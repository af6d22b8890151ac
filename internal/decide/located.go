package decide

import (
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
)

// names tells whether an endpoint says at all where people are. Without that nobody can be decided about.
func names(e *ir.Endpoint) bool {
	return inAddress(e) || (e.Request != nil && len(e.Request.Addressees) > 0) || (e.Response != nil && e.Response.Records != nil)
}

// inAddress tells whether the path or the query names the person whom the whole exchange is about.
func inAddress(e *ir.Endpoint) bool {
	return len(e.Segments) > 0 || slices.ContainsFunc(e.Query, func(q ir.QueryParam) bool { return q.Person != nil })
}

// nobodys is the category of fields that belong to nobody who can be decided about. No purpose needs it.
const nobodys = ""

// located gives an endpoint whose personal fields that belong to nobody who can be decided about are of no purpose's category, so that they
// are denied or taken out: those outside of addressees, their units and records, unless the address says whom they are about. They stay
// declared, for one may be a part of what is declared as not personal.
func located(e *ir.Endpoint) *ir.Endpoint {
	if inAddress(e) {
		return e
	}
	out := *e
	if m := e.Request; m != nil {
		request := *m
		request.Fields = slices.Clone(m.Fields)
		for i := range request.Fields {
			f := &request.Fields[i]
			if !slices.ContainsFunc(m.Addressees, func(a ir.Addressees) bool {
				return within(f.Pointer, a.Each) || (a.Unit != "" && within(f.Pointer, a.Unit))
			}) {
				f.Category = nobodys
			}
		}
		out.Request = &request
	}
	if m := e.Response; m != nil && len(m.Fields) > 0 {
		response := *m
		response.Fields = slices.Clone(m.Fields)
		for i := range response.Fields {
			response.Fields[i].Category = nobodys
		}
		out.Response = &response
	}
	return &out
}

func within(pointer, of string) bool { return pointer == of || strings.HasPrefix(pointer, of+"/") }
