package cli

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
)

// Level says how bad a finding is.
type Level string

// Levels.
const (
	// OK: as it should be.
	OK Level = "ok"
	// Warn: it works, but somebody should know.
	Warn Level = "warn"
	// Fail: something is not enforced, or does not work.
	Fail Level = "fail"
)

// Check is one thing that was looked at.
type Check struct {
	// Name of the check, the same on every cluster, for example "sidecars-in-sync".
	Name  string `json:"name"`
	Level Level  `json:"level"`
	// Object that was looked at, for example "Deployment optup-system/optup-manager"; empty for several.
	Object string `json:"object,omitempty"`
	// What was found, in a sentence.
	What string `json:"what"`
	// Do says what to do about it; empty for what is in order.
	Do string `json:"do,omitempty"`
}

// Failed tells whether any check failed.
func Failed(checks []Check) bool {
	for _, c := range checks {
		if c.Level == Fail {
			return true
		}
	}
	return false
}

// examination collects checks.
type examination struct {
	checks []Check
	name   string
}

func (e *examination) add(level Level, object, what, do string) {
	e.checks = append(e.checks, Check{Name: e.name, Level: level, Object: object, What: oneLine(what), Do: do})
}

func (e *examination) ok(object, format string, args ...any) {
	e.add(OK, object, fmt.Sprintf(format, args...), "")
}

// quiet tells whether the present check has found nothing yet.
func (e *examination) quiet() bool {
	return len(e.checks) == 0 || e.checks[len(e.checks)-1].Name != e.name
}

// run runs one check. That it could not be made is a finding like any other, and stops no other check.
func (e *examination) run(ctx context.Context, name string, look func(context.Context, *examination) error) {
	e.name = name
	err := look(ctx, e)
	switch {
	case err == nil:
	case missing(err):
		e.add(Fail, "", "it could not be looked at: the cluster does not know the kind", "install the CustomResourceDefinitions of OptUp: kubectl apply -f charts/optup/crds")
	case apierrors.IsForbidden(err):
		e.add(Fail, "", "it could not be looked at: "+err.Error(), "run this as somebody who may read it, for example with the role cluster-admin or view")
	default:
		e.add(Fail, "", "it could not be looked at: "+err.Error(), "try again; if it stays, ask whoever runs the cluster")
	}
}

// missing tells that a kind does not exist in the cluster.
func missing(err error) bool { return meta.IsNoMatchError(err) }
