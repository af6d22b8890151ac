package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// linked finds one that is dynamic: a package of every Debian brings some, and without any of them nothing here was tested.
func linked(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("images are made of Linux programs: there is none on ", runtime.GOOS)
	}
	candidates := []string{"/bin/sh", "/bin/ls", "/usr/bin/env", "/usr/bin/git", "/bin/tar"}
	for _, name := range candidates {
		if dynamic(name) {
			return name
		}
	}
	t.Fatalf("none of %s is a program with shared libraries; name one of this machine's here", strings.Join(candidates, ", "))
	return ""
}

func TestAProgramBringsItsLibrariesAndTheLoader(t *testing.T) {
	source := linked(t)
	files := map[string]string{"/program": source}
	if err := addLibraries(files); err != nil {
		t.Fatal(err)
	}
	var names []string
	for target, source := range files {
		if target != "/program" && target != source {
			t.Errorf("%s comes from %s", target, source)
		}
		names = append(names, target)
	}
	all := strings.Join(names, " ")
	for _, want := range []string{"libc.", "/ld-"} { // the C library and the loader, whichever they are
		if !strings.Contains(all, want) {
			t.Errorf("no %s among %s", want, all)
		}
	}
}

// A folder is looked through, and a program without shared libraries brings none.
func TestOnlyDynamicProgramsBringSomething(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"/in": dir}
	if err := addLibraries(files); err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	raw, err := os.ReadFile(linked(t))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "program"), raw, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := addLibraries(files); err != nil || len(files) < 3 {
		t.Fatalf("a program within a folder brings nothing: %v, %v", files, err)
	}
}

// A runtime's libraries come in its own folder, and not once more under this machine's paths.
func TestLibrariesOfAFolderComeOnce(t *testing.T) {
	roots := []string{"/build/runtime/lib", "/build/program"}
	for path, want := range map[string]bool{"/build/runtime/lib/server/libjvm.so": true, "/build/runtime/library.so": false, "/build/program": false, "/lib/libc.so.6": false} {
		if within(path, roots) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
}

// What the loader does not find is an error, unless it is among the files.
func TestALibraryThatIsNowhere(t *testing.T) {
	dir := t.TempDir()
	ldd := filepath.Join(dir, "ldd")
	if err := os.WriteFile(ldd, []byte("#!/bin/sh\necho '	libown.so => not found'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	if err := libraries("/program", map[string]bool{"libown.so": true}, map[string]bool{}); err != nil {
		t.Error(err)
	}
	if err := libraries("/program", nil, map[string]bool{}); err == nil {
		t.Error("a library that is nowhere is no error")
	}
}
