package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// addLibraries adds the shared libraries that programs and libraries among the files need, at the paths where this machine has them, and
// the loader. It is how an image gets a program that a package of this machine's distribution brought.
func addLibraries(files map[string]string) error {
	needed := map[string]bool{}
	var roots, programs []string
	own := map[string]bool{}
	for _, source := range files {
		root, err := filepath.EvalSymlinks(source)
		if err != nil {
			return err
		}
		roots = append(roots, root)
		err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			own[filepath.Base(name)] = true
			if dynamic(name) {
				programs = append(programs, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, name := range programs {
		if err := libraries(name, own, needed); err != nil {
			return err
		}
	}
	for path := range needed {
		if _, ok := files[path]; !ok && !within(path, roots) {
			files[path] = path
		}
	}
	return nil
}

// within tells whether a library comes along in a folder anyway: a program that looks for its libraries beside itself finds it there.
func within(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return strings.HasPrefix(path, root+"/") })
}

// dynamic tells whether a file needs a loader or shared libraries.
func dynamic(name string) bool {
	f, err := elf.Open(name)
	if err != nil {
		return false // no program
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	return err == nil && len(libraries) > 0
}

// libraries finds what a program needs. What the loader does not find is not missing if it is among the files: runtimes load libraries of
// their own by path.
func libraries(name string, own, into map[string]bool) error {
	out, err := exec.Command("ldd", name).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return fmt.Errorf("ldd %s: %w: %s", name, err, exit.Stderr)
	}
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if library, _, missing := strings.Cut(line, " => not found"); missing {
			if own[library] {
				continue
			}
			return fmt.Errorf("%s: %s", name, line)
		}
		_, target, arrow := strings.Cut(line, "=> ")
		if !arrow {
			target = line
		}
		if target, _, ok := strings.Cut(target, " ("); ok && filepath.IsAbs(target) {
			into[target] = true
		}
	}
	return nil
}
