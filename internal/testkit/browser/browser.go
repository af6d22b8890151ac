package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Options say what kind of browser it is. The zero value is a browser as most people have it, with scripts off.
type Options struct {
	// Scripts lets pages run scripts.
	Scripts bool
	// Dark prefers dark colours.
	Dark bool
	// Languages are what Accept-Language says; empty for English.
	Languages string
	// Width and Height are the size of the window in CSS pixels; 0 for 1280 by 900. A width of 320 is that of a window of 1280 at 400 %.
	Width, Height int64
}

// Browser is one window. It is for one test at a time.
type Browser struct {
	t       testing.TB
	ctx     context.Context
	options Options

	mu       sync.Mutex
	requests []string
	reports  []string
	failed   []string
}

// patience is how long any one thing may take.
const patience = 20 * time.Second

// missing skips a test, or fails it where nothing may be left out.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// program finds Chromium under the names that it has.
func program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "this needs a browser: apt-get install chromium")
	return ""
}

// New opens a window that ends with the test. Certificates are not verified: they are made by tests.
func New(t testing.TB, o Options) *Browser {
	t.Helper()
	if o.Width == 0 {
		o.Width, o.Height = 1280, 900
	}
	if o.Languages == "" {
		o.Languages = "en"
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(int(o.Width), int(o.Height)), chromedp.Flag("hide-scrollbars", true),
	)
	begin, err := stillness(program(t))
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	options = append(options, begin...)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses its sandbox to root
	}
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...) // it ends after what is said of a failure
	ctx, cancel := chromedp.NewContext(allocator)
	b := &Browser{t: t, ctx: ctx, options: o}
	t.Cleanup(func() { b.tell(); cancel(); stop() })
	// The first thing that runs starts the browser.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the browser: %v", err)
	}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("the browser: %v", err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, audits.Enable, cdp.Empty{})
	b.scripts(o.Scripts)
	b.Speak(o.Languages)
	b.Size(o.Width, o.Height)
	b.Light(!o.Dark)
	return b
}

func (b *Browser) scripts(on bool) {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// Speak sets what Accept-Language says.
func (b *Browser) Speak(languages string) {
	b.t.Helper()
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": languages}})
}

// Size sets the size of the window in CSS pixels.
func (b *Browser) Size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

// Light prefers light or dark colours.
func (b *Browser) Light(light bool) {
	b.t.Helper()
	scheme := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: "dark"}
	if light {
		scheme.Value = "light"
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{scheme, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
}

// listen notes what pages make the browser do.
func (b *Browser) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.Method+" "+e.Request.URL)
	case *network.EventLoadingFailed:
		b.failed = append(b.failed, e.ErrorText)
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			b.reports = append(b.reports, e.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			b.reports = append(b.reports, "content security policy: "+e.Issue.Details.ContentSecurityPolicyIssueDetails.ViolatedDirective)
		}
	}
}

// tell says what the window showed last, if the test failed.
func (b *Browser) tell() {
	if !b.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	b.t.Logf("the window at the end (%v): %s\nreports: %q", err, shown, b.Reports())
	requests := b.Requests()
	b.t.Logf("its last requests: %q\nfailed: %q", requests[max(0, len(requests)-12):], b.Failed())
}

// Requests are all that were sent since the window opened, as "GET https://…".
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// Reports are violations of content security policies, and errors in the console, since the window opened.
func (b *Browser) Reports() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.reports)
}

// Failed says why requests failed that got no answer, since the window opened, as "net::ERR_CONNECTION_REFUSED".
func (b *Browser) Failed() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.failed)
}

// run does one thing in the window.
func run[T any](b *Browser, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatalf("the browser: %v", err)
	}
	return v
}

// call sends one command of the protocol.
func call[P, R any](b *Browser, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	return run(b, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, c, params) })
}

// here is the folder of this file.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}
