package doors

import (
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// The functions of this file read what is asked. Names are those of the specification to the letter, members that it does not know are left
// alone, and null is a member that is not there. They give false for a value of another type.

// several are some questions, and what all of them have.
type several struct {
	Question
	Evaluations []Question
	Semantic    string
}

// reads is what reads itself from a value, member by member.
type reads interface {
	// member reads one member; true for one that it does not know.
	member(name string, v jsonfilter.Value) bool
}

// decode reads a body. What two readers could read in two ways is refused.
func decode(body []byte, into reads) bool {
	d, err := jsonfilter.Parse(body)
	return err == nil && object(into, d.Value())
}

func (s *several) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "evaluations":
		s.Evaluations = make([]Question, v.Len())
		for i := range s.Evaluations {
			if _, one := v.Child(i); !object(&s.Evaluations[i], one) {
				return false
			}
		}
		return isList(v)
	case "options":
		for i := range v.Len() {
			if name, o := v.Child(i); name == "evaluations_semantic" && !text(&s.Semantic, o) {
				return false
			}
		}
		return isObject(v)
	default:
		return s.Question.member(name, v)
	}
}

func (q *Question) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "subject":
		return optional(&q.Subject, v)
	case "action":
		return optional(&q.Action, v)
	case "resource":
		return optional(&q.Resource, v)
	case "context":
		return optional(&q.Context, v)
	default:
		return true
	}
}

func (s *Subject) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "type":
		return text(&s.Type, v)
	case "id":
		return text(&s.ID, v)
	default:
		return true
	}
}

func (a *Action) member(name string, v jsonfilter.Value) bool {
	return name != "name" || text(&a.Name, v)
}

func (r *Resource) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "type":
		return text(&r.Type, v)
	case "id":
		return text(&r.ID, v)
	case "properties":
		return object(&r.Properties, v)
	default:
		return true
	}
}

func (p *Properties) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "form":
		return text(&p.Form, v)
	case "headers":
		if v.Kind() == 'n' {
			return true
		}
		p.Headers = make(map[string]string, v.Len())
		for i := range v.Len() {
			var value string
			name, h := v.Child(i)
			if !text(&value, h) {
				return false
			}
			p.Headers[name] = value
		}
		return isObject(v)
	case "body":
		if v.Kind() == 'n' {
			return true
		}
		p.Body = new(string)
		return text(p.Body, v)
	default:
		return true
	}
}

func (c *Context) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "purpose":
		return text(&c.Purpose, v)
	case "channel":
		return text(&c.Channel, v)
	case "dataCategories":
		return texts(&c.Categories, v)
	case "obligations":
		return texts(&c.Obligations, v)
	case "recipient":
		return optional(&c.Recipient, v)
	default:
		return true
	}
}

func (r *Recipient) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "name":
		return text(&r.Name, v)
	case "role":
		return text(&r.Role, v)
	case "transfer":
		if v.Kind() == 'n' {
			return true
		}
		r.Transfer = &ir.Transfer{}
		return object((*transfer)(r.Transfer), v)
	default:
		return true
	}
}

// transfer is what reads one.
type transfer ir.Transfer

func (t *transfer) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "country":
		return text(&t.Country, v)
	case "basis":
		return text(&t.Basis, v)
	default:
		return true
	}
}

// object reads an object.
func object(into reads, v jsonfilter.Value) bool {
	if !isObject(v) {
		return false
	}
	for i := range v.Len() {
		if name, m := v.Child(i); !into.member(name, m) {
			return false
		}
	}
	return true
}

// optional reads an object that may be missing.
func optional[T any, P interface {
	*T
	reads
}](into *P, v jsonfilter.Value,
) bool {
	if v.Kind() == 'n' {
		return true
	}
	*into = new(T)
	return object(*into, v)
}

// texts reads a list of strings.
func texts[T ~string](into *[]T, v jsonfilter.Value) bool {
	*into = make([]T, v.Len())
	for i := range *into {
		if _, one := v.Child(i); !text(&(*into)[i], one) {
			return false
		}
	}
	return isList(v)
}

// text reads a string.
func text[T ~string](into *T, v jsonfilter.Value) bool {
	s, ok := v.Text()
	if ok {
		*into = T(s)
	}
	return ok || v.Kind() == 'n'
}

func isObject(v jsonfilter.Value) bool { return v.Kind() == '{' || v.Kind() == 'n' }

func isList(v jsonfilter.Value) bool { return v.Kind() == '[' || v.Kind() == 'n' }
