package api

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/optup/optup/internal/ledger/problem"
)

// read reads a strict JSON body: no unknown, repeated or differently spelled members, nothing after it, at most limit bytes.
// Errors tell where, never what.
func read(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" {
		if t, _, err := mime.ParseMediaType(kind); err != nil || t != "application/json" {
			return problem.Malformed("send JSON with the header Content-Type: application/json")
		}
	}
	body, err := body(w, r, limit)
	if err != nil {
		return err
	}
	err = json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	at := int64(0)
	switch {
	case errors.As(err, &semantic):
		at = semantic.ByteOffset
	case errors.As(err, &syntactic):
		at = syntactic.ByteOffset
	}
	return problem.Malformed(fmt.Sprintf("the body is not the JSON expected here, near byte %d: members that are unknown or written twice are refused, and so are values of another type", at))
}

func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	// What is announced is read in one piece, if it is not beyond the limit.
	in := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0)+bytes.MinRead, limit)))
	_, err := in.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	b := in.Bytes()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem.TooLarge(fmt.Sprintf("send at most %d bytes", limit))
	case err != nil:
		return nil, problem.Malformed("the body did not arrive whole; send it again")
	}
	return b, nil
}
