package jsonlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidwall/gjson"
)

// side filters a body. What it gives is valid until the next call.
type side func(body []byte) ([]byte, error)

// generic is what most filters do: decode everything, filter, encode everything.
func generic(who people) side {
	var out bytes.Buffer
	return func(body []byte) ([]byte, error) {
		var doc map[string]any
		if err := json.Unmarshal(body, &doc); err != nil {
			return nil, err
		}
		list, _ := doc["records"].([]any)
		kept := list[:0]
		for _, x := range list {
			record, _ := x.(map[string]any)
			address, _ := record[identifier].(string)
			if !who[address] {
				continue
			}
			delete(record, removedFirst)
			delete(record, removedSecond)
			kept = append(kept, record)
		}
		doc["records"] = kept
		out.Reset()
		err := json.NewEncoder(&out).Encode(doc)
		return out.Bytes(), err
	}
}

// copier is a filter on jsontext. Each record is copied to a scratch buffer and goes out once its identifier has allowed it. jsontext
// refuses duplicate names and invalid UTF-8 by default, as ours does. All buffers are kept.
type copier struct {
	who     people
	in      bytes.Reader
	dec     *jsontext.Decoder
	scratch []byte
	out     []byte
	// member copies a value that stays to scratch.
	member func(*copier) error
	enc    *jsontext.Encoder
	buf    bytes.Buffer
}

// tokens copies token by token through an encoder, values whole values verbatim.
func tokens(who people) side {
	c := &copier{who: who, member: (*copier).token}
	c.enc = jsontext.NewEncoder(&c.buf)
	return c.filter
}

func values(who people) side {
	return (&copier{who: who, member: (*copier).value}).filter
}

func (c *copier) value() error {
	v, err := c.dec.ReadValue()
	c.scratch = append(c.scratch, v...)
	return err
}

func (c *copier) token() error {
	c.buf.Reset()
	c.enc.Reset(&c.buf)
	for depth := c.dec.StackDepth(); ; {
		t, err := c.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := c.enc.WriteToken(t); err != nil {
			return err
		}
		if c.dec.StackDepth() == depth {
			break
		}
	}
	c.scratch = append(c.scratch, bytes.TrimSuffix(c.buf.Bytes(), []byte("\n"))...)
	return nil
}

func (c *copier) filter(body []byte) ([]byte, error) {
	c.in.Reset(body)
	if c.dec == nil {
		c.dec = jsontext.NewDecoder(&c.in)
	} else {
		c.dec.Reset(&c.in)
	}
	c.out = append(c.out[:0], '{')
	if err := c.expect('{'); err != nil {
		return nil, err
	}
	for first := true; c.dec.PeekKind() == '"'; first = false {
		if !first {
			c.out = append(c.out, ',')
		}
		name, err := c.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		c.out = append(append(c.out, name...), ':')
		if string(name) == `"records"` {
			err = c.records()
		} else {
			c.scratch = c.scratch[:0]
			err = c.member(c)
			c.out = append(c.out, c.scratch...)
		}
		if err != nil {
			return nil, err
		}
	}
	c.out = append(c.out, '}')
	if err := c.expect('}'); err != nil {
		return nil, err
	}
	if _, err := c.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("after the body: %w", err)
	}
	return c.out, nil
}

func (c *copier) expect(kind jsontext.Kind) error {
	t, err := c.dec.ReadToken()
	if err == nil && t.Kind() != kind {
		err = fmt.Errorf("a %s where %s was expected", t.Kind(), kind)
	}
	return err
}

func (c *copier) records() error {
	if err := c.expect('['); err != nil {
		return err
	}
	c.out = append(c.out, '[')
	first := true
	for c.dec.PeekKind() == '{' {
		allowed, err := c.record()
		if err != nil {
			return err
		}
		if !allowed {
			continue
		}
		if !first {
			c.out = append(c.out, ',')
		}
		first = false
		c.out = append(c.out, c.scratch...)
	}
	c.out = append(c.out, ']')
	return c.expect(']')
}

func (c *copier) record() (allowed bool, err error) {
	if err := c.expect('{'); err != nil {
		return false, err
	}
	c.scratch = append(c.scratch[:0], '{')
	first := true
	for c.dec.PeekKind() == '"' {
		name, err := c.dec.ReadValue()
		if err != nil {
			return false, err
		}
		switch string(name) {
		case `"` + removedFirst + `"`, `"` + removedSecond + `"`:
			if err := c.dec.SkipValue(); err != nil {
				return false, err
			}
			continue
		}
		if !first {
			c.scratch = append(c.scratch, ',')
		}
		first = false
		isIdentifier := string(name) == `"`+identifier+`"`
		c.scratch = append(append(c.scratch, name...), ':')
		from := len(c.scratch)
		if err := c.member(c); err != nil {
			return false, err
		}
		if v := c.scratch[from:]; isIdentifier && len(v) > 1 {
			allowed = c.who[string(v[1:len(v)-1])] // the fixture's addresses have no escapes
		}
	}
	c.scratch = append(c.scratch, '}')
	return allowed, c.expect('}')
}

// scanner is a filter on gjson, which presumes that the body is sound: it checks neither syntax nor UTF-8 nor duplicate names.
func scanner(who people) side {
	var out, scratch []byte
	return func(body []byte) ([]byte, error) {
		out = append(out[:0], '{')
		// Without a copy of the whole body, which ParseBytes would make.
		gjson.Parse(unsafe.String(unsafe.SliceData(body), len(body))).ForEach(func(name, value gjson.Result) bool {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(out, name.Raw...), ':')
			if name.Str != "records" {
				out = append(out, value.Raw...)
				return true
			}
			out = append(out, '[')
			first := true
			value.ForEach(func(_, record gjson.Result) bool {
				allowed := false
				scratch = append(scratch[:0], '{')
				record.ForEach(func(name, v gjson.Result) bool {
					switch name.Str {
					case removedFirst, removedSecond:
						return true
					case identifier:
						allowed = who[v.Str]
					}
					if len(scratch) > 1 {
						scratch = append(scratch, ',')
					}
					scratch = append(append(append(scratch, name.Raw...), ':'), v.Raw...)
					return true
				})
				if allowed {
					if !first {
						out = append(out, ',')
					}
					first = false
					out = append(append(out, scratch...), '}')
				}
				return true
			})
			out = append(out, ']')
			return true
		})
		out = append(out, '}')
		return out, nil
	}
}
