package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestAProgramBringsItsLibrariesAndTheLoader(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell on this machine")
	}
	if !dynamic(shell) {
		t.Skip("the shell of this machine is static")
	}
	files := map[string]string{"/bin/sh": shell}
	if err := addLibraries(files); err != nil {
		t.Fatal(err)
	}
	var names []string
	for target, source := range files {
		if target != "/bin/sh" && target != source {
			t.Errorf("%s comes from %s", target, source)
		}
		names = append(names, target)
	}
	all := strings.Join(names, " ")
	for _, want := range []string{"libc.so", "ld-linux"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s among %s", want, all)
		}
	}
}
