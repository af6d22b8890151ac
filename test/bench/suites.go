package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/optup/optup/test/bench/appends"
	"github.com/optup/optup/test/bench/decision"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/jsonlist"
	"github.com/optup/optup/test/bench/load"
	"github.com/optup/optup/test/bench/lookups"
	"github.com/optup/optup/test/bench/memory"
	"github.com/optup/optup/test/bench/shares"
	"github.com/optup/optup/test/bench/spread"
	"github.com/optup/optup/test/bench/start"
)

// suites in the order in which they run.
func suites() []harness.Suite {
	return []harness.Suite{
		decision.Suite(), memory.Suite(), shares.Suite(), jsonlist.Suite(), start.Suite(), appends.Suite(), lookups.Suite(), spread.Suite(), load.Suite(), load.HTTPS(), load.Doors(),
	}
}

// child is what this program does as a process of its own within a measurement.
func child(name string, args []string) error {
	switch name {
	case "memory":
		return memory.Child(args[0], os.Stdout)
	case "service":
		return load.Service(args[0], strings.Join(args[1:], ""))
	case "publisher":
		return spread.Publisher(args[0], os.Stdin, os.Stdout)
	case "subscribers":
		return spread.Subscribers(args[0], os.Stdin, os.Stdout)
	case "lookups":
		return lookups.Client(os.Stdin, os.Stdout)
	case "client":
		return load.Client(os.Stdin, os.Stdout)
	default:
		return fmt.Errorf("there is no child %q", name)
	}
}
