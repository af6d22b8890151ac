package confirm

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	html "html/template"
	"strings"
	text "text/template"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/smtp"
	"github.com/optup/optup/internal/ledger/token"
)

//go:embed mails/*
var mails embed.FS

// languages are those that messages are written in, the first one for everybody else.
var languages = []string{"en", "de"}

var (
	plain = text.Must(text.New("").ParseFS(mails, "mails/*.txt"))
	rich  = html.Must(html.New("").ParseFS(mails, "mails/*.html"))
)

// page is what a message is written from.
type page struct {
	Language   string
	Controller string
	Asked      []asked
	URL        string
	When       string
	Until      string
}

// render writes a message. It reports false while the words that it has to show are not there.
func (o *Outbox) render(w waiting, together []waiting) (smtp.Message, bool, error) {
	p := page{Language: languages[0], Controller: o.Controller()}
	for _, l := range languages {
		if base(w.Language) == l {
			p.Language = l
		}
	}
	p.When, p.Until = moment(w.Asked, p.Language), moment(w.Until, p.Language)
	switch w.message.Kind {
	case mailConfirm:
		links, err := o.tokens(w, together)
		if err != nil {
			return smtp.Message{}, false, err
		}
		b := o.Bundle()
		for i := range links {
			words, ok := wording(b, links[i].notice, w.Language)
			if !ok {
				return smtp.Message{}, false, nil
			}
			links[i].Wording, links[i].Language = words.Text, words.Language
			for _, g := range links[i].grants {
				links[i].Purposes = append(links[i].Purposes, title(b, g.Purpose, p.Language))
			}
			p.Until = moment(earlier(w.Until, links[i].until), p.Language)
		}
		p.Asked = links
	case mailPage:
		link, err := o.Tokens.Seal(token.Token{Kind: token.Page, Tags: []consent.Tag{o.first(w.Tag, w.Address)}, Language: w.Language, Expires: w.Until})
		if err != nil {
			return smtp.Message{}, false, err
		}
		p.URL = o.link("/open", link)
	default:
		return smtp.Message{}, false, fmt.Errorf("the outbox holds a message of the unknown kind %q", w.message.Kind)
	}
	m, err := p.write(string(w.message.Kind))
	m.To, m.ID = w.Address, hex.EncodeToString(w.ID[:])
	return m, err == nil, err
}

// write fills the templates of a kind. The first line of the text is the subject.
func (p page) write(kind string) (smtp.Message, error) {
	var t, h bytes.Buffer
	name := kind + "." + p.Language
	if err := plain.ExecuteTemplate(&t, name+".txt", p); err != nil {
		return smtp.Message{}, err
	}
	if err := rich.ExecuteTemplate(&h, name+".html", p); err != nil {
		return smtp.Message{}, err
	}
	subject, body, _ := strings.Cut(t.String(), "\n")
	return smtp.Message{Subject: subject, Text: strings.TrimLeft(body, "\n"), HTML: h.String(), Language: p.Language}, nil
}

// moment writes a time for people. Where they are is not known, so the time zone is said.
func moment(t time.Time, language string) string {
	if language == "de" {
		return t.UTC().Format("02.01.2006, 15:04") + " Uhr UTC"
	}
	return t.UTC().Format("2 January 2006, 15:04") + " UTC"
}
