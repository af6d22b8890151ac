package main

import (
	"flag"
	"slices"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	for name, c := range map[string]struct {
		args      []string
		out, fail string
	}{
		"nothing":                   {nil, "optup-sidecar run [flags]", ""},
		"help":                      {[]string{"--help"}, "optup-sidecar redirect [flags]", ""},
		"the version":               {[]string{"--version"}, "optup-sidecar version dev", ""},
		"help for a command":        {[]string{"run", "--help"}, "--listen address=host:port", ""},
		"help for another":          {[]string{"redirect", "-h"}, "(default 15001)", ""},
		"an unknown command":        {[]string{"walk"}, "", `unknown command "walk"`},
		"an unknown flag":           {[]string{"run", "--fast"}, "", "--help lists the flags"},
		"an argument":               {[]string{"run", "--bundle", "x", "y"}, "", `not "y"`},
		"no bundle":                 {[]string{"run"}, "", "--manager or --bundle"},
		"two sources of bundles":    {[]string{"run", "--bundle", "x", "--manager=y"}, "", "not both"},
		"credentials of a file":     {[]string{"run", "--manager=y", "--credential", "a/b/c=d"}, "", "what is in Secrets"},
		"a credential of nobody":    {[]string{"run", "--bundle", "x", "--credential", "b=SG.value"}, "", "namespace/secret/key=file"},
		"a port that is none":       {[]string{"redirect", "--to", "65536"}, "", "at most 16"},
		"a check of something else": {[]string{"check", "--capture", "magic"}, "", "redirect or alias"},
		"a check of no alias":       {[]string{"check", "--capture", "alias", "--alias", "192.0.2.7=x"}, "", "address of the loopback"},
		"two things at once":        {[]string{"redirect", "--check", "--remove"}, "", "not both"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := execute(t.Context(), c.args, &out)
			if !strings.Contains(out.String(), c.out) || (err != nil) != (c.fail != "") || (err != nil && !strings.Contains(err.Error(), c.fail)) {
				t.Errorf("%v, printed %q", err, out.String())
			}
		})
	}
}

// TestTheFlagsThatPodsAreGiven are those of internal/inject and of the guides, in both of their spellings.
func TestTheFlagsThatPodsAreGiven(t *testing.T) {
	var o options
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	o.flags(f)
	if err := f.Parse([]string{
		"--manager=https://m", "--listen", "127.0.0.1:1=a:80", "--listen=127.0.0.1:2=b:80", "--capture=redirect", "--stop-time=20s", "--uses-spool", "8",
		"--listen-inbound=:15006",
	}); err != nil {
		t.Fatal(err)
	}
	if o.manager != "https://m" || !slices.Equal(o.listen, []string{"127.0.0.1:1=a:80", "127.0.0.1:2=b:80"}) || o.capture != "redirect" ||
		o.stopTime.Seconds() != 20 || o.usesSpool != 8 || o.admin != "127.0.0.1:15020" || o.inbound != ":15006" {
		t.Errorf("%+v", o)
	}
}
