package load

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// bodySize is about the size of an answer.
const bodySize = 1024

// The answers of 1 KB: one that is filtered, and one in which nothing is personal. Both are the same bytes.
const (
	aboutPeople = "people"
	aboutOffers = "offers"
)

// address is the e-mail address of a person, by number.
func address(i int) string { return fmt.Sprintf("person.%06d@mail.example", i) }

// Service is the process behind the proxies: it answers with one person of 1 KB, or with a list as long as it is asked for.
// With a certificate (a file that holds its key, too) it speaks TLS.
func Service(listen, certificate string) error {
	mux := http.NewServeMux()
	body := person()
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
	mux.HandleFunc("GET /v1/"+aboutPeople+"/{who}", answer)
	mux.HandleFunc("GET /v1/"+aboutOffers+"/{who}", answer)
	mux.HandleFunc("GET /v1/list/{mebibytes}", stream)
	mux.HandleFunc("GET /v1/open/{mebibytes}", stream)
	s := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 30 * time.Second}
	if certificate != "" {
		return s.ListenAndServeTLS(certificate, certificate)
	}
	return s.ListenAndServe()
}

// person is an answer about one person.
func person() []byte {
	var b bytes.Buffer
	b.WriteString(`{"email":"person@mail.example","name":{"first":"Anna","last":"Müller"},"city":"Köln","orders":[`)
	for i := 0; b.Len() < bodySize-48; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"A-%05d","price":%d.90}`, i*37, i+9)
	}
	b.WriteString(`],"active":true}`)
	return b.Bytes()
}

// records that one part of a long list holds: whole records, so that parts can be repeated.
const partRecords = 400

// part is a piece of a list, with a comma after each record.
func part() []byte {
	var b bytes.Buffer
	for i := range partRecords {
		fmt.Fprintf(&b, `{"email":%q,"name":{"first":"Anna","last":"Müller"},"street":"Lange Straße %d","city":"Köln","zip":"50667","orders":[`, address(i*7%200), i)
		for j := range 11 {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"sku":"A-%05d","price":%d.90}`, i*37+j, j+9)
		}
		b.WriteString(`],"iban":"DE02120300000000202051","birthday":"1980-02-03","active":true},`)
	}
	return b.Bytes()
}

// stream sends a list of about as many mebibytes as the path says, as fast as it is taken.
func stream(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("mebibytes"))
	if err != nil {
		http.Error(w, "no number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	piece := part()
	_, _ = w.Write([]byte(`{"records":[`))
	for left := n << 20; left > 0; left -= len(piece) {
		if left <= len(piece) {
			piece = bytes.TrimSuffix(piece, []byte(",")) // the last record has no comma after it
		}
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
	_, _ = w.Write([]byte(`]}`))
}
