package envoy

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Check is what Envoy asks: a request as it is about to be sent.
type Check struct {
	Method, Scheme, Host, Path, Protocol string
	// Header has the names in canonical spelling, without those of HTTP/2 that begin with a colon.
	Header http.Header
	// Body are the bytes that Envoy buffered; Text is set where they came as text, in which Envoy replaces what it cannot read.
	Body []byte
	Text bool
	// Extensions are what Envoy's own configuration adds.
	Extensions map[string]string
	// Destination is the address that the connection went to, where it is one.
	Destination netip.AddrPort
}

var errMalformed = errors.New("the message is no CheckRequest")

// field is one field of a message.
type field struct {
	number int
	kind   protowire.Type
	bytes  []byte
	varint uint64
}

// fields visits the fields of a message. Those of other kinds than bytes and varints are left out.
func fields(b []byte, visit func(field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMalformed
		}
		f := field{number: int(number), kind: kind}
		b = b[n:]
		switch f.kind {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(b)
		default:
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return errMalformed
			}
			b = b[n:]
			continue
		}
		if n < 0 {
			return errMalformed
		}
		if err := visit(f); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// child visits the message within a field.
func (f *field) child(visit func(field) error) error {
	if f.kind != protowire.BytesType {
		return errMalformed
	}
	return fields(f.bytes, visit)
}

// within visits one message along a path of field numbers.
func within(b []byte, visit func(field) error, path ...int) error {
	if len(path) == 0 {
		return fields(b, visit)
	}
	return fields(b, func(f field) error {
		if f.number != path[0] || f.kind != protowire.BytesType {
			return nil
		}
		return within(f.bytes, visit, path[1:]...)
	})
}

// read reads a CheckRequest. Numbers are those of envoy.service.auth.v3; bodies share its bytes.
func read(b []byte) (*Check, error) {
	c := &Check{Header: make(http.Header, 16)}
	err := within(b, func(f field) error {
		switch f.number {
		case 2: // destination
			return f.child(c.peer)
		case 4: // request
			return within(f.bytes, c.http, 2)
		case 10: // context_extensions
			key, value, err := f.pair()
			if c.Extensions == nil {
				c.Extensions = map[string]string{}
			}
			c.Extensions[key] = value
			return err
		}
		return nil
	}, 1)
	if err != nil {
		return nil, err
	}
	for name, own := range map[string]string{":method": c.Method, ":path": c.Path, ":authority": c.Host} {
		if named, there := c.Header[name]; there && (len(named) != 1 || named[0] != own) {
			return nil, errMalformed // two readings of one request
		}
		delete(c.Header, name)
	}
	delete(c.Header, ":scheme")
	return c, nil
}

func (c *Check) http(f field) error {
	switch f.number {
	case 2:
		c.Method = string(f.bytes)
	case 3: // headers
		name, value, err := f.pair()
		c.header(name, value)
		return err
	case 4:
		c.Path = string(f.bytes)
	case 5:
		c.Host = string(f.bytes)
	case 6:
		c.Scheme = strings.ToLower(string(f.bytes))
	case 10:
		c.Protocol = string(f.bytes)
	case 11:
		if len(f.bytes) > 0 {
			c.Body, c.Text = f.bytes, true
		}
	case 12:
		if len(f.bytes) > 0 {
			c.Body, c.Text = f.bytes, false
		}
	case 13: // header_map, of header values: key, value, raw_value
		return within(f.bytes, func(h field) error {
			name, value := "", ""
			err := h.child(func(f field) error {
				switch f.number {
				case 1:
					name = string(f.bytes)
				case 2, 3:
					value = string(f.bytes)
				}
				return nil
			})
			if h.number == 1 {
				c.header(name, value)
			}
			return err
		})
	}
	return nil
}

func (c *Check) header(name, value string) {
	if !strings.HasPrefix(name, ":") {
		name = http.CanonicalHeaderKey(name)
	}
	c.Header[name] = append(c.Header[name], value)
}

// pair reads an entry of a map of texts.
func (f *field) pair() (key, value string, err error) {
	err = f.child(func(f field) error {
		switch f.number {
		case 1:
			key = string(f.bytes)
		case 2:
			value = string(f.bytes)
		}
		return nil
	})
	return key, value, err
}

// peer reads the address of a peer: a socket's, with address and port. Others are none that a request goes to.
func (c *Check) peer(f field) error {
	if f.number != 1 {
		return nil
	}
	var addr netip.Addr
	var port uint16
	err := within(f.bytes, func(f field) error {
		switch f.number {
		case 2:
			addr, _ = netip.ParseAddr(string(f.bytes)) // a name is no address
		case 3:
			port = uint16(f.varint) //nolint:gosec // ports have no more
		}
		return nil
	}, 1)
	c.Destination = netip.AddrPortFrom(addr, port)
	return err
}
