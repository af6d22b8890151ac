package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/optup/optup/internal/openapi"
)

// ImportOpenAPIOptions say what to import.
type ImportOpenAPIOptions struct {
	openapi.Options
	// File is the document; "-" is Input.
	File  string
	Input io.Reader
}

// ImportOpenAPI drafts a DataService from the description of an API. It reads this one file and nothing that it refers to.
func ImportOpenAPI(o ImportOpenAPIOptions) (*openapi.Draft, error) {
	in, name := o.Input, "standard input"
	if o.File != "-" {
		f, err := os.Open(o.File)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in, name = f, o.File
	}
	// One byte more than may be read, so that a larger document is refused and not cut.
	data, err := io.ReadAll(io.LimitReader(in, openapi.MaxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d, err := openapi.Import(data, o.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// PrintDraft writes a draft as YAML.
func PrintDraft(w io.Writer, d *openapi.Draft) error { return d.YAML(w) }

// PrintDraftCounts sums a draft up.
func PrintDraftCounts(w io.Writer, d *openapi.Draft) error {
	p := &printer{w: w}
	c := d.Counts
	p.line("%s: %d operations, %d endpoints (%d without personal data)", d.Source.Format, c.Operations, c.Endpoints, c.NoPersonalData)
	p.line("%d addressee lists, %d record lists, %d fields with a category, %d values that are not personal", c.AddresseeLists, c.RecordLists, c.Fields, c.NotPersonal)
	p.line("%d path segments that identify people, %d tracking switches", c.Segments, c.Tracking)
	p.line("%d values undeclared (denied or removed), %d switches undeclared, %d notes", c.Undeclared, c.Switches, c.Notes)
	if c.Endpoints > openapi.MaxEndpoints {
		p.line("%d endpoints are more than one DataService holds (%d): narrow it with --tag or --path, and import in parts", c.Endpoints, openapi.MaxEndpoints)
	}
	p.line("Fill in the party, and check every line before you apply it.")
	return p.err
}
