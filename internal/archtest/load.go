package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// listed is what `go list` says of one package.
type listed struct {
	ImportPath string
	Dir        string
	Doc        string
	Imports    []string
	GoFiles    []string
	// TestImports and XTestImports are those of the tests, in the package and beside it.
	TestImports, XTestImports []string
	Standard                  bool
	DepOnly                   bool
}

// load lists the packages of the module at root and everything they import. Packages that do not compile yet are listed too.
func load(root string) ([]listed, error) {
	command := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Dir,Doc,Imports,GoFiles,TestImports,XTestImports,Standard,DepOnly", "./...")
	command.Dir = root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg listed
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, pkg)
	}
}

// graphOf returns the import graph and the module's own packages. It ends at the standard library, whose inside is nobody's
// business here.
func graphOf(packages []listed) (g graph, own []string) {
	g = graph{}
	for _, pkg := range packages {
		if pkg.Standard {
			continue
		}
		imports := make([]string, len(pkg.Imports))
		for i, imported := range pkg.Imports {
			imports[i] = relative(imported)
		}
		g[relative(pkg.ImportPath)] = imports
		if !pkg.DepOnly {
			own = append(own, relative(pkg.ImportPath))
		}
	}
	return g, own
}

// testsOf gives what the tests of the module's own packages import themselves.
func testsOf(packages []listed) graph {
	g := graph{}
	for _, pkg := range packages {
		if !pkg.DepOnly && !pkg.Standard {
			g[relative(pkg.ImportPath)] = slices.Concat(pkg.TestImports, pkg.XTestImports)
		}
	}
	return g
}

// relative shortens a path of this module.
func relative(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}
