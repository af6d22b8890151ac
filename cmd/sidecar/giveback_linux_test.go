package main

import (
	"fmt"
	"os"
	"reflect"
	"testing"
)

// TestOnlyWhatNobodyWroteIsGivenUp: a page that was written is in no file, and would be lost.
func TestOnlyWhatNobodyWroteIsGivenUp(t *testing.T) {
	const smaps = `00400000-00903000 r-xp 00000000 fe:00 123 /sidecar
Size:               5132 kB
Anonymous:             0 kB
00903000-00e4c000 r--p 00503000 fe:00 123 /sidecar
Anonymous:             0 kB
00e4c000-00e4d000 r--p 00a4c000 fe:00 123 /sidecar
Anonymous:             4 kB
00e4d000-00eda000 rw-p 00a4d000 fe:00 123 /sidecar
Anonymous:             0 kB
00eda000-00edb000 r--p 00000000 fe:00 124 /lib/other
Anonymous:             0 kB
00edb000-00edc000 r--p 00000000 00:00 0
Anonymous:             0 kB
7ffc0000-7ffc1000 r--p 00000000 fe:00 123 /sidecar (deleted)
Anonymous:             0 kB
7ffd0000-7ffd1000 r--p 00000000 fe:00 123 /sidecar
`
	if got, want := readOnly([]byte(smaps), "/sidecar"), []mapping{{0x400000, 0x903000}, {0x903000, 0xe4c000}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestTheProgramGoesOn: with its pages given up, and they are given up.
func TestTheProgramGoesOn(t *testing.T) {
	size := func() int {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Fatal(err)
		}
		var total, resident, shared int
		if _, err := fmt.Sscan(string(text), &total, &resident, &shared); err != nil {
			t.Fatal(err)
		}
		return shared // pages of files
	}
	before := size()
	if err := unmapProgram(); err != nil {
		t.Fatal(err)
	}
	if after := size(); after >= before {
		t.Errorf("%d pages of files before, %d after", before, after)
	}
	TestOnlyWhatNobodyWroteIsGivenUp(t)
}
