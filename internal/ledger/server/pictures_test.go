package server_test

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/testkit/browser"
)

// TestPagesOfARealLedger looks at every page with data of a real ledger in both languages, and checks them as the rendering tests do. With
// OPTUP_PICTURES it writes a picture of each into that folder (make pictures).
func TestPagesOfARealLedger(t *testing.T) {
	p := newPlace(t)
	p.live()
	b := browser.New(t, browser.Options{Width: 760, Height: 600})
	for _, lang := range []string{"de", "en"} {
		button := map[string]string{"de": "Meine Seite öffnen", "en": "Open my page"}[lang]
		show := func(name, path string) {
			t.Helper()
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			if !strings.HasPrefix(path, "https://") {
				path = p.URL + path
			}
			b.Go(path + join + "lang=" + lang)
			p.look(b, name+"-"+lang)
		}
		show("ask", "/")
		show("form", "/forms/shop/newsletter")
		show("confirm", p.asked(lang))
		withdraw, err := p.links.WithdrawalLink(ann, "newsletter")
		if err != nil {
			t.Fatal(err)
		}
		show("withdraw", withdraw)
		show("open", p.opened(lang))
		b.Enter(button)
		p.look(b, "person-"+lang)
		show("erase", "/person/erase")
		show("link-gone", "/open?token=unknown-token-0000000000")
	}
	form := browser.New(t, browser.Options{Scripts: true, Width: 760, Height: 600})
	form.Go(p.Shop)
	form.Wait(`document.querySelector("form.optup-form")`)
	p.look(form, "shop-en")
	p.nobody()
}

// look checks the page that is open, and takes its picture if pictures are wanted.
func (p *place) look(b *browser.Browser, name string) {
	p.t.Helper()
	violations, _ := b.Axe()
	for _, v := range violations {
		p.t.Errorf("%s: %s", name, v)
	}
	if text := b.Text(); strings.Contains(text, "<no value>") || strings.Contains(text, "%!") {
		p.t.Errorf("%s says:\n%s", name, text)
	}
	for _, r := range b.Reports() {
		p.t.Errorf("%s: the browser reports: %s", name, r)
	}
	dir := os.Getenv("OPTUP_PICTURES")
	if dir == "" {
		return
	}
	picture, err := small(b.Picture())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644) //nolint:gosec // a picture of the documentation
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// live is what happened to a person before.
func (p *place) live() {
	p.t.Helper()
	given := func(purpose consent.PurposeID, e consent.Event) consent.Event {
		e.Purpose, e.Notice, e.Proof, e.Actor = purpose, consent.NoticeID(purpose)+"-v1", consent.ProofMailboxConfirmed, consent.ActorPerson
		e.Touchpoint = "shop/newsletter"
		return e
	}
	p.append(given("newsletter", consent.Event{Type: consent.EventGiven}))
	mail := wire.Decided{Effect: "permit", Purpose: "newsletter", Service: "shop/mail", Party: "Example Mail Ltd", Mode: "Enforce"}
	p.used(mail, "OK_CONSENT")
	p.used(mail, "OK_CONSENT")
	p.used(wire.Decided{Effect: "deny", Purpose: "profiling", Service: "shop/analytics", Party: "Example Analytics Ltd", Mode: "Enforce"}, "NO_GRANT")
}

func (p *place) append(e consent.Event) {
	p.t.Helper()
	tags, err := p.Keys.Tags(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: ann})
	if err != nil {
		p.t.Fatal(err)
	}
	_, refused, err := p.Store.Append(p.t.Context(), store.Append{Identities: []store.Identity{{Tags: tags, Type: consent.IdentifierEmail, Plain: true}}, Event: e})
	if err != nil || refused[0] != nil {
		p.t.Fatal(err, refused)
	}
}

// small is a picture with at most 256 colours: those that are there most, which pages of text have few of.
func small(picture []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	count := map[color.Color]int{}
	box := full.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			count[full.At(x, y)]++
		}
	}
	var palette color.Palette
	for c := range count {
		palette = append(palette, c)
	}
	slices.SortFunc(palette, func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) })
	few := image.NewPaletted(box, palette[:min(256, len(palette))])
	draw.Draw(few, box, full, box.Min, draw.Src)
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few)
	return out.Bytes(), err
}
