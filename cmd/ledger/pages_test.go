package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestPagesHaveAListenerOfTheirOwn: the pages are not where the API is, nor the API where the pages are.
func TestPagesHaveAListenerOfTheirOwn(t *testing.T) {
	_, args := folder(t)
	people := freePort(t)
	api, _, stop := start(t, http.DefaultClient, "http", append(args, "--pages", people, "--public-url", "http://"+people))
	get := func(url string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(text)
	}
	if res, text := get("http://" + people + "/?lang=de"); res.StatusCode != http.StatusOK || !strings.Contains(text, "Ihre Einwilligungen") || res.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("the pages answer %d: %s", res.StatusCode, text)
	}
	for _, path := range []string{"/v1/head", "/v1/usable-share", "/v1/stream"} {
		if res, _ := get("http://" + people + path); res.StatusCode != http.StatusNotFound {
			t.Errorf("the listener of the pages answers %s with %d", path, res.StatusCode)
		}
	}
	if res, _ := get(api + "/v1/head"); res.StatusCode != http.StatusOK {
		t.Errorf("the API answers %d", res.StatusCode)
	}
	for _, path := range []string{"/", "/person", "/form.js", "/forms/shop/newsletter"} {
		if res, _ := get(api + path); res.StatusCode != http.StatusNotFound {
			t.Errorf("the listener of the API answers %s with %d", path, res.StatusCode)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

func TestPagesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		flags   pagesFlags
		withTLS bool
		want    string
	}{
		"without a public address":      {pagesFlags{listen: ":8444"}, true, "--public-url"},
		"with a path":                   {pagesFlags{listen: ":8444", publicURL: "https://shop.example/consent"}, true, "--public-url"},
		"without https":                 {pagesFlags{listen: ":8444", publicURL: "http://consent.example"}, true, "https"},
		"without a certificate":         {pagesFlags{listen: ":8444", publicURL: "https://consent.example"}, false, "--tls-cert"},
		"with proxies of no pages":      {pagesFlags{proxies: []string{"10.0.0.0/8"}}, true, "give --pages, too"},
		"with proxies that are no list": {pagesFlags{listen: ":8444", publicURL: "https://consent.example", proxies: []string{"ingress"}}, true, "--pages-proxies"},
	} {
		if err := c.flags.check(c.withTLS); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, f := range []pagesFlags{
		{}, {listen: ":8444", publicURL: "https://consent.example", proxies: []string{"10.0.0.0/8", "fd00::/8"}}, {publicURL: "https://consent.example"},
	} {
		if err := f.check(true); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if err := (&pagesFlags{listen: "127.0.0.1:8444", publicURL: "http://127.0.0.1:8444"}).check(false); err != nil {
		t.Errorf("on this machine: %v", err)
	}
}
