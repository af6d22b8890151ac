package browser

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Go opens an address, and waits until it is there.
func (b *Browser) Go(url string) {
	b.t.Helper()
	run(b, chromedp.Navigate(url))
}

// Press presses keys, one after the other, as chromedp's package kb names them.
func (b *Browser) Press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		run(b, chromedp.KeyEvent(k))
	}
}

// Type types a text.
func (b *Browser) Type(text string) { b.t.Helper(); b.Press(text) }

// Focus is the element that keys go to.
type Focus struct {
	// Tag is its element, lower case; Name its accessible name as far as it comes from text, label or attributes.
	Tag, Name string
	// Visible tells that the browser shows that it has the focus, Width how wide the outline is in pixels, and Inside that all of it is
	// within the window.
	Visible bool
	Width   float64
	Inside  bool
}

// focused looks at the focus. Pages cannot tell: it is asked from outside, whether they run scripts or not.
const focused = `(() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  const label = e.labels && e.labels.length ? e.labels[0].textContent : "";
  return {Tag: e.tagName.toLowerCase(), Name: (label || e.getAttribute("aria-label") || e.textContent || "").replace(/\s+/g, " ").trim(),
    Visible: e.matches(":focus-visible") && s.outlineStyle !== "none", Width: parseFloat(s.outlineWidth),
    Inside: r.left >= 0 && r.top >= 0 && r.right <= innerWidth + 0.5 && (r.bottom <= innerHeight || r.height > innerHeight)};
})()`

// Focused tells where the focus is.
func (b *Browser) Focused() Focus {
	b.t.Helper()
	return Eval[Focus](b, focused)
}

// maxTabs is more than any page has to tab through.
const maxTabs = 120

// Tab presses Tab until something with this name has the focus.
func (b *Browser) Tab(name string) Focus {
	b.t.Helper()
	var seen []string
	for range maxTabs {
		b.Press(kb.Tab)
		f := b.Focused()
		if f.Name == name || (strings.HasSuffix(name, "…") && strings.HasPrefix(f.Name, strings.TrimSuffix(name, "…"))) {
			return f
		}
		seen = append(seen, f.Name)
	}
	b.t.Fatalf("Tab reaches nothing called %q, but %q", name, seen)
	return Focus{}
}

// Enter tabs to something and presses Enter, and waits for the page that comes.
func (b *Browser) Enter(name string) {
	b.t.Helper()
	b.Tab(name)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	loaded := chromedp.Events(ctx, page.LoadEventFired)
	b.Press(kb.Enter)
	for _, err := range loaded {
		if err != nil {
			b.t.Fatalf("after Enter on %q no page came: %v", name, err)
		}
		return
	}
}

// Eval evaluates an expression in a page, from outside: whether the page may run scripts makes no difference.
func Eval[T any](b *Browser, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Text is the text of the page as a person sees it, and Title its title.
func (b *Browser) Text() string {
	b.t.Helper()
	return Eval[string](b, "document.body.innerText")
}

// Title is that of the window.
func (b *Browser) Title() string {
	b.t.Helper()
	return Eval[string](b, "document.title")
}

// URL is what the address bar shows.
func (b *Browser) URL() string {
	b.t.Helper()
	return Eval[string](b, "location.href")
}

// Cookies are the names of the cookies that the browser keeps.
func (b *Browser) Cookies() []string {
	b.t.Helper()
	var names []string
	for _, c := range call(b, network.GetCookies, network.GetCookiesParams{}).Cookies {
		names = append(names, c.Name)
	}
	return names
}

// Keep makes the browser keep a cookie for an address, as if a page in another tab had set it.
func (b *Browser) Keep(url, name, value string) {
	b.t.Helper()
	secure := true
	call(b, network.SetCookie, network.SetCookieParams{URL: url, Name: name, Value: value, Path: "/", Secure: &secure, HTTPOnly: &secure})
}

// Wait waits until an expression is true.
func (b *Browser) Wait(expression string) {
	b.t.Helper()
	end := time.Now().Add(patience)
	for time.Now().Before(end) {
		if Eval[bool](b, "Boolean("+expression+")") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("%s did not become true; the page says:\n%s", expression, b.Text())
}

// Picture is a PNG of the whole page.
func (b *Browser) Picture() []byte {
	b.t.Helper()
	return run(b, chromedp.FullScreenshot(100))
}
