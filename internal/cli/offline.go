package cli

import (
	"io/fs"
	"os"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/translate"
)

// Compile compiles files and folders, without a cluster.
func Compile(paths []string) (compile.Result, error) {
	var all translate.Objects
	for _, p := range paths {
		o, err := read(p)
		if err != nil {
			return compile.Result{}, err
		}
		all.Namespaces = append(all.Namespaces, o.Namespaces...)
		all.Purposes = append(all.Purposes, o.Purposes...)
		all.Notices = append(all.Notices, o.Notices...)
		all.Services = append(all.Services, o.Services...)
		all.Policies = append(all.Policies, o.Policies...)
		all.Ledgers = append(all.Ledgers, o.Ledgers...)
		all.Workloads = append(all.Workloads, o.Workloads...)
	}
	return compile.Compile(translate.Snapshot(all)), nil
}

func read(path string) (translate.Objects, error) {
	info, err := os.Stat(path)
	if err != nil {
		return translate.Objects{}, err
	}
	if info.IsDir() {
		return manifest.ReadFolder(os.DirFS(path), ".")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return translate.Objects{}, err
	}
	return manifest.ReadFiles(single{path, data}, path)
}

// single is a file system with one file.
type single struct {
	name string
	data []byte
}

// Open implements fs.FS.
func (s single) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// ReadFile implements fs.ReadFileFS.
func (s single) ReadFile(string) ([]byte, error) { return s.data, nil }
