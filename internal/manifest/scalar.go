package manifest

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// words are plain words that kubectl, which follows YAML 1.1, takes for booleans, although YAML 1.2 does not.
var words = map[string]bool{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

const quotes = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar gives the value of a scalar as kubectl would send it to the API server, or what is wrong with it.
func scalar(n *yaml.Node) (v any, wrong string) {
	plain := n.Style&(quotes|yaml.TaggedStyle) == 0
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp", "!!merge":
		if b, ok := words[n.Value]; ok && plain {
			return b, ""
		}
		return n.Value, ""
	case "!!null":
		return nil, ""
	case "!!bool":
		if b, ok := words[n.Value]; ok {
			return b, ""
		}
		switch n.Value {
		case "true", "True", "TRUE":
			return true, ""
		case "false", "False", "FALSE":
			return false, ""
		}
	case "!!int", "!!float":
		if v, ok := number(strings.ReplaceAll(n.Value, "_", "")); ok {
			return v, ""
		}
		return nil, shown(n.Value) + " is no number that JSON knows"
	case "!!binary":
		if b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), "")); err == nil && utf8.Valid(b) {
			return string(b), ""
		}
	default:
		return nil, "the tag " + shown(tag) + " means nothing here"
	}
	return nil, shown(n.Value) + " is not what its tag says"
}

// number gives an int64 where that holds it exactly, as a decoder of JSON would, else a float64.
func number(s string) (any, bool) {
	if i, err := strconv.ParseInt(s, 0, 64); err == nil {
		return i, true
	}
	if u, err := strconv.ParseUint(s, 0, 64); err == nil {
		return float64(u), true
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsInf(f, 0) || math.IsNaN(f):
		return nil, false
	case math.Abs(f) < 1e21: // from here on JSON writes an exponent
		if i, err := strconv.ParseInt(strconv.FormatFloat(f, 'f', -1, 64), 10, 64); err == nil {
			return i, true
		}
	}
	return f, true
}
