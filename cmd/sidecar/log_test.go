package main

import (
	"bytes"
	"log" //nolint:depguard // what the standard library writes to is looked at
	"log/slog"
	"strings"
	"testing"
)

// TestTheStandardLibraryLogsNothing: what it would log may quote answers.
func TestTheStandardLibraryLogsNothing(t *testing.T) {
	before, writer := slog.Default(), log.Writer()
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
	}()
	var out bytes.Buffer
	logTo(&out)
	log.Print("Unsolicited response starting with anna@example.org")
	slog.Info("started")
	if got := out.String(); strings.Contains(got, "anna") || !strings.Contains(got, "started") {
		t.Errorf("logged %s", got)
	}
}
