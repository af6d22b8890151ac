package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/optup/optup/test/bypass/attack"
)

// record is a leak as it is kept, to be sent again byte for byte. Bytes are written as the characters with the same numbers.
type record struct {
	// Seed is that of the people.
	Seed   uint64 `json:"seed"`
	Number uint64 `json:"number"`
	// Label stands before the number in the request.
	Label    string `json:"label"`
	Name     string `json:"name"`
	Language string `json:"language"`
	Protocol string `json:"protocol"`
	Method   string `json:"method"`
	Base     string `json:"base"`
	Kind     string `json:"kind"`
	Detail   string `json:"detail"`
	Request  string `json:"request"`
	// Twin is the same about somebody absent.
	Twin string `json:"twin,omitempty"`
	// Tag is the build tag of the sidecar; empty for the product.
	Tag string `json:"tag,omitempty"`
}

func newRecord(seed uint64, tag, label string, l leak) record {
	a := l.attack
	out := record{
		Seed: seed, Number: a.Number, Label: label, Name: a.Name, Language: a.Language, Protocol: a.Protocol, Method: a.Request.Method, Base: a.Request.Base,
		Kind: l.kind, Detail: l.detail, Tag: tag, Request: characters(write(a.Request, a.Protocol)),
	}
	if a.Twin != nil {
		out.Twin = characters(write(a.Twin, a.Protocol))
	}
	return out
}

func characters(b []byte) string {
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
	}
	return string(out)
}

func fromCharacters(s string) []byte {
	var out []byte
	for _, c := range s {
		out = append(out, byte(c))
	}
	return out
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// keep writes a record to a folder and gives its file.
func (r record) keep(folder string) (string, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	name := notWord.ReplaceAllString(strings.ToLower(r.Kind+" "+r.Base+" "+r.Language), "-")
	if r.Tag != "" {
		name = r.Tag + "-" + name
	}
	file := filepath.Join(folder, name+".json")
	return file, errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(file, append(text, '\n'), 0o600))
}

func readRecord(file string) (record, error) {
	var r record
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// attack gives what is judged with a record's reply.
func (r record) attack() *attack.Attack {
	return &attack.Attack{Number: r.Number, Name: r.Name, Language: r.Language, Protocol: r.Protocol, Request: &attack.Request{Method: r.Method, Base: r.Base}}
}
