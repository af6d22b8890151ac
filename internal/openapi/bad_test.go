package openapi

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestBadDocuments(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)
	for name, tt := range map[string]struct {
		document string
		options  Options
		want     string
	}{
		"nothing":                  {"", Options{}, "the document is empty"},
		"white space":              {" \n ", Options{}, "the document is empty"},
		"a list":                   {"[1, 2]", Options{}, "holds no object"},
		"a text":                   {"just a text", Options{}, "holds no object"},
		"broken YAML":              {"a: [", Options{}, "neither JSON nor YAML"},
		"broken JSON":              {`{"openapi": "3.0.0",`, Options{}, "neither JSON nor YAML"},
		"another kind of document": {`{"a": 1}`, Options{}, `neither "openapi" nor "swagger"`},
		"an old version":           {"swagger: '1.2'", Options{}, `version "1.2" is not known`},
		"a version to come":        {"openapi: 4.0.0", Options{}, `version "4.0.0" is not known`},
		"no operation":             {"openapi: 3.0.0\npaths: {}", Options{}, "no operation"},
		"paths of a wrong type":    {"openapi: 3.0.0\npaths: [1]", Options{}, "no operation"},
		"too deep":                 {`{"openapi": "3.0.0", "paths": ` + deep + `}`, Options{}, "nested too deeply"},
		"aliases that multiply":    {"openapi: 3.0.0\na: &a [x,x,x,x,x,x,x,x,x]\n" + bomb(), Options{}, "neither JSON nor YAML"},
		"nothing left by a filter": {"openapi: 3.0.0\npaths: {/a: {get: {responses: {}}}}", Options{Tags: []string{"x"}}, "none of the document's 1 operations"},
		"a pattern that is none":   {"openapi: 3.0.0", Options{Paths: []string{"/[a"}}, "is no pattern"},
		"a name that is none":      {"openapi: 3.0.0", Options{Name: "My Service"}, "is no name"},
		"a namespace that is none": {"openapi: 3.0.0", Options{Namespace: "a: b"}, "is no name"},
		"an unknown confidence":    {"openapi: 3.0.0", Options{Least: "sure"}, "low, medium or high"},
		"a structure that is none": {"openapi: 3.0.0\npaths: {/a: {get: {parameters: {a: 1}}}}", Options{}, "cannot be understood"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Import([]byte(tt.document), tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, %v", d, err)
			}
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
				t.Errorf("this is no sentence: %q", err)
			}
		})
	}
}

func bomb() string {
	var b strings.Builder
	for c := 'a'; c < 'j'; c++ {
		fmt.Fprintf(&b, "%c: &%c [%s*%c]\n", c+1, c+1, strings.Repeat(fmt.Sprintf("*%c,", c), 8), c)
	}
	return b.String()
}

func TestTooLargeADocument(t *testing.T) {
	if _, err := Import(make([]byte, MaxDocument+1), Options{}); err == nil || !strings.Contains(err.Error(), "32 MiB") {
		t.Error(err)
	}
}

// Documents in the wild have flaws; where the rest is clear, it is imported.
func TestFlawsThatDoNoHarm(t *testing.T) {
	for name, document := range map[string]string{
		"references that lead to each other": `{"openapi":"3.0.0","paths":{"/a":{"get":{"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/A"}}}}}}}},"components":{"schemas":{"A":{"$ref":"#/components/schemas/B"},"B":{"$ref":"#/components/schemas/A"}}}}`,
		"a parameter that is nowhere":        `{"openapi":"3.0.0","paths":{"/a":{"get":{"parameters":[{"$ref":"#/components/parameters/x"}],"responses":{}}}}}`,
		"limits of a wrong type":             response("/a", `{"type":"integer","minimum":"1","enum":3,"required":true,"default":{"a":[]}}`),
		"a type of a wrong type":             response("/a", `{"type":{"a":1},"properties":[1],"items":[{}]}`),
		"schemas that are true or false":     response("/a", object(`"a":true`, `"b":false`)),
		"a parameter without a name, in 2.0": `{"swagger":"2.0","paths":{"/a":{"get":{"parameters":[{}, {"in":"query"}],"responses":{"200":{"description":"x"}}}}}}`,
		"a version that is a number":         "openapi: 3.1\npaths: {/a: {get: {responses: {200: {description: x}}}}}",
		"a byte order mark":                  "\xef\xbb\xbf" + response("/a", `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Import([]byte(document), Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkManifest(t, d)
		})
	}
}

// Nothing that a document calls its things gets out of a comment or a string.
func TestHostileNames(t *testing.T) {
	names := []string{
		"a\nb: c", "# x", "\"", "'", "{a}", "[a]", "a: b", "a, b", "*", "~", "/", "\u2028x", "\x7f", "\ufeff", "true", "null", "0x1", "&a", "!!int 3", "é", "%", "|", ">", "- a", "", " ", "\\", "@a", "`a",
	}
	var members []string
	for _, n := range names {
		members = append(members, fmt.Sprintf("%q:{\"type\":\"integer\",\"description\":%q}", jsonName(n), jsonName(n)))
	}
	document := `{"openapi":"3.0.0","info":{"title":"x\ny: z","version":"1"},"servers":[{"url":"http://a\nb"},{"url":"http://[::1]:99999/"}],"paths":{"/figures/é x":{"get":{"tags":["a\nb"],"operationId":"x\n- y","parameters":[` +
		`{"name":"limit\nx","in":"query","schema":{"type":"integer"}},{"name":"limit: {a}, # b","in":"query","schema":{"type":"integer"}}],"responses":{"200":{"content":{"application/json":{"schema":` + object(members...) + `}}}}}}}}`
	d, err := Import([]byte(document), Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkManifest(t, d)
}

// jsonName makes a name survive %q, which JSON reads for all that is used here but these.
func jsonName(s string) string { return strings.NewReplacer("\x7f", "DEL", "\ufeff", "BOM").Replace(s) }

// large makes a document of about the given size.
func large(bytes int) []byte {
	var b strings.Builder
	b.WriteString(`{"openapi":"3.0.3","info":{"title":"large","version":"1"},"paths":{`)
	text := strings.Repeat("words and words ", 20)
	for i := 0; b.Len() < bytes; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"/customers/%d/{id}":{"get":{"operationId":"same","description":%q,"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/S%d"}}}}}}}`, i, text, i%10)
	}
	b.WriteString(`},"components":{"schemas":{`)
	for i := range 10 {
		// Each refers to the next twice: written out, this doubles at every level.
		fmt.Fprintf(&b, `"S%d":{"type":"object","properties":{"email":{"type":"string"},"left":{"$ref":"#/components/schemas/S%d"},"right":{"type":"array","items":{"$ref":"#/components/schemas/S%d"}}}},`, i, (i+1)%10, (i+1)%10)
	}
	b.WriteString(`"end":{}}}}`)
	return []byte(b.String())
}

func TestALargeDocument(t *testing.T) {
	document := large(10 << 20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	d, err := Import(document, Options{})
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	written := len(inYAML(t, d))
	runtime.ReadMemStats(&after)
	t.Logf("%d bytes, %d operations, %d guesses, %d bytes of YAML, in %v, %d MiB more from the system", len(document), d.Counts.Operations, len(d.Guesses), written, took, (after.Sys-before.Sys)>>20)
	if d.Counts.Operations < 10_000 || d.Counts.Endpoints != d.Counts.Operations {
		t.Errorf("%+v", d.Counts)
	}
	if took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if grown := after.Sys - before.Sys; grown > 2<<30 {
		t.Errorf("it took %d MiB", grown>>20)
	}
}

func FuzzImport(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "openapi: 3.1.0\npaths: {/a: {get: {}}}", `{"swagger":"2.0","host":"a","paths":{"/a/{b}":{"post":{"parameters":[{"in":"body","schema":{"$ref":"#/definitions/A"}}]}}},"definitions":{"A":{"items":{"$ref":"#/definitions/A"}}}}`,
		request("/mail/send", object(`"to":`+list(object(email)))), response("/customers", list(object(email, `"a":{"allOf":[{"$ref":"#/components/schemas/x"}]}`))),
		"openapi: 3.0.0\nservers: [{url: 'https://{a}.b/c', variables: {a: {default: d}}}]\npaths: {/a%2Fb: {get: {operationId: '#'}}, '/{a b}': {put: {}}, '/0%80': {get: {}}}",
		`{"openapi":"3.0.0","paths":{"/a":{"$ref":"#/paths/~1b"},"/b":{"get":{"responses":{"200":{"$ref":"#/components/responses/r"}}}}},"components":{"responses":{"r":{"$ref":"#/components/responses/r"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		d, err := Import(document, Options{Name: "x", Least: Low})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("no sentence: %q", err)
			}
			return
		}
		checkManifest(t, d)
	})
}
