package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/optup/optup/internal/openapi"
)

const described = "../openapi/testdata/crm.yaml"

func TestImportOpenAPI(t *testing.T) {
	fromFile, err := ImportOpenAPI(ImportOpenAPIOptions{File: described})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(described)
	if err != nil {
		t.Fatal(err)
	}
	fromInput, err := ImportOpenAPI(ImportOpenAPIOptions{File: "-", Input: bytes.NewReader(data)})
	if err != nil {
		t.Fatal(err)
	}
	var one, other, counts bytes.Buffer
	if err := PrintDraft(&one, fromFile); err != nil {
		t.Fatal(err)
	}
	if err := PrintDraft(&other, fromInput); err != nil || one.String() != other.String() {
		t.Errorf("a file and standard input give different drafts: %v", err)
	}
	// What is printed compiles, like any manifest.
	path := filepath.Join(t.TempDir(), "draft.yaml")
	if err := os.WriteFile(path, one.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Compile(CompileOptions{Files: []string{path}}); err != nil || len(c.Findings) > 0 {
		t.Errorf("%v, %+v", err, c.Findings)
	}
	if err := PrintDraftCounts(&counts, fromFile); err != nil || !strings.Contains(counts.String(), "OpenAPI 3.1.0: 9 operations, 7 endpoints (1 without personal data)") {
		t.Errorf("%v\n%s", err, counts.String())
	}
}

func TestImportOpenAPIErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		file, input, want string
	}{
		"no file":                 {"../openapi/testdata/none.yaml", "", "none.yaml: no such file"},
		"a file that is no API":   {"openapi_test.go", "", "openapi_test.go: the document"},
		"standard input is named": {"-", "{}", `standard input: this is no description of an API: it has neither "openapi" nor "swagger" at its top`},
		"standard input too long": {"-", strings.Repeat(" ", openapi.MaxDocument+2), "larger than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ImportOpenAPI(ImportOpenAPIOptions{File: tt.file, Input: strings.NewReader(tt.input)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}
