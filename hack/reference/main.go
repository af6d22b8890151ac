package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// definition is what is needed of a CustomResourceDefinition.
type definition struct {
	Spec struct {
		Group string `json:"group"`
		Names struct {
			Kind       string   `json:"kind"`
			Plural     string   `json:"plural"`
			ShortNames []string `json:"shortNames"`
		} `json:"names"`
		Scope    string `json:"scope"`
		Versions []struct {
			Name   string `json:"name"`
			Schema struct {
				OpenAPI node `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

func (d *definition) apiVersion() string { return d.Spec.Group + "/" + d.Spec.Versions[0].Name }

// file is the name of what is written for the kind, without extension.
func (d *definition) file() string { return strings.ToLower(d.Spec.Names.Kind) }

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: reference CRD_FOLDER DOCS_FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

// run writes everything anew: what is left of a kind that is gone goes.
func run(crds, docs string) error {
	names, err := filepath.Glob(filepath.Join(crds, "*.yaml"))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no CRD in %s", crds)
	}
	schemas := filepath.Join(docs, "schemas")
	if err := os.RemoveAll(docs); err != nil {
		return err
	}
	if err := os.MkdirAll(schemas, 0o755); err != nil {
		return err
	}
	var all []definition
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var d definition
		if err := yaml.Unmarshal(text, &d); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(d.Spec.Versions) != 1 {
			return fmt.Errorf("%s: %d versions, this program knows how to show one", name, len(d.Spec.Versions))
		}
		all = append(all, d)
		if err := write(filepath.Join(docs, d.file()+".md"), page(&d)); err != nil {
			return err
		}
		if err := writeJSON(filepath.Join(schemas, d.file()+".json"), editorSchema(&d)); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(schemas, "optup.json"), combined(all)); err != nil {
		return err
	}
	return write(filepath.Join(docs, "README.md"), index(all))
}

func write(name, text string) error {
	return os.WriteFile(name, []byte(text), 0o644) //nolint:gosec // documentation, for everybody to read
}
