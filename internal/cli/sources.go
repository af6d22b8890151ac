package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/optup/optup/internal/manifest"
)

// defaultNamespace is where kubectl puts objects that name none.
const defaultNamespace = "default"

// sources are what a command reads: files and folders, of which "-" is the input; and the namespace of objects that name none, empty
// for "default".
type sources struct {
	files     []string
	input     io.Reader
	namespace string
}

// Place is where something stands. Lines and columns count from 1, and are left out where they are not known.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func placeOf(p manifest.Position) Place { return Place(p) }

// at gives "file:line:column", or nothing.
func (p Place) at() string { return manifest.Position(p).String() }

// read reads all, and counts the files.
func (s sources) read() (manifest.Result, int, error) {
	r := manifest.Reader{Namespace: cmp.Or(s.namespace, defaultNamespace)}
	count := 0
	for _, name := range s.files {
		if name == "-" {
			if err := r.Read("-", s.input); err != nil {
				return manifest.Result{}, 0, fmt.Errorf("standard input: %w", err)
			}
			count++
			continue
		}
		names, err := expand(name)
		if err != nil {
			return manifest.Result{}, 0, err
		}
		for _, n := range names {
			if err := readFile(&r, n); err != nil {
				return manifest.Result{}, 0, err
			}
		}
		count += len(names)
	}
	return r.Result(), count, nil
}

func readFile(r *manifest.Reader, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return r.Read(name, f)
}

// expand gives the YAML files of a folder, in the order of their names.
func expand(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	names, err := manifest.Files(os.DirFS(name), ".")
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: no .yaml file is in it", name)
	}
	for i := range names {
		names[i] = filepath.Join(name, names[i])
	}
	return names, err
}
