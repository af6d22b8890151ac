package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/optup/optup/internal/capture"
)

func checkCommand(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("check", flag.ContinueOnError)
	how := f.String("capture", "redirect", "how connections come: redirect, alias")
	outbound := f.String("listen-outbound", "127.0.0.1:15001,[::1]:15001", "`addresses` that connections are redirected to, with commas between")
	var aliases []aliased
	f.Func("alias", "`address=host`: the name of this host leads to the address; may be repeated", func(v string) error {
		a, err := parseAlias(v)
		aliases = append(aliases, a)
		return err
	})
	done, err := parse(f, `Prove that connections come to where the sidecar will listen, by trying what an application could try

It needs no privilege, and must not run as the sidecar's user, nor while the sidecar runs.

Examples:
  optup-sidecar check
  optup-sidecar check --capture alias --alias 127.64.0.1=api.esp.example
`, args, out)
	switch {
	case done || err != nil:
		return err
	case *how == "redirect":
		if err := capture.Prove(ctx, strings.Split(*outbound, ",")); err != nil {
			return fmt.Errorf("the pod must not start, because its connections do not come to its sidecar: %w", err)
		}
	case *how == "alias":
		for _, a := range aliases {
			if err := capture.ProveAlias(ctx, a.address, a.host); err != nil {
				return fmt.Errorf("the pod must not start, because its connections do not come to its sidecar: %w", err)
			}
		}
	default:
		return errors.New("--capture is redirect or alias")
	}
	slog.Info("connections come to the sidecar", "capture", *how, "aliases", len(aliases))
	return nil
}
