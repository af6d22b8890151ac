package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/roots"
)

func trustCommand(args []string, out io.Writer) error {
	f := flag.NewFlagSet("trust", flag.ContinueOnError)
	authority := f.String("authority", "", "`file` with the authorities of interception (PEM)")
	to, at := f.String("to", "", "`folder` to write"), f.String("at", "", "`path` under which applications find the folder; the same if it is empty")
	done, err := parse(f, `Write what makes applications trust an authority of interception

The folder holds public roots and the authorities together for runtimes that read one list (authorities.pem, and authorities.p12 for Java),
the authorities alone for those that add to their own (interception.pem), and an ini file for PHP.

Example:
  optup-sidecar trust --authority ca.crt --to /etc/optup/authorities
`, args, out)
	switch {
	case done || err != nil:
		return err
	case *authority == "" || *to == "":
		return errors.New("give --authority and --to")
	}
	text, err := os.ReadFile(*authority)
	if err != nil {
		return err
	}
	all, err := ir.ParseAuthorities(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", *authority, err)
	}
	var own [][]byte
	for _, c := range all {
		own = append(own, c.Raw)
	}
	if *at == "" {
		*at = *to
	}
	return intercept.WriteTrust(*to, *at, roots.All(), own)
}

// localLeaves reads the authority of a sidecar that runs alone.
func localLeaves(files string) (*intercept.Local, error) {
	certificate, key, ok := strings.Cut(files, ",")
	if !ok {
		return nil, errors.New("name two files with a comma between: the certificate and its key")
	}
	public, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	private, err := os.ReadFile(key)
	if err != nil {
		return nil, err
	}
	a, err := intercept.ReadAuthority(public, private)
	if err != nil {
		return nil, err
	}
	return intercept.NewLocal(a)
}
