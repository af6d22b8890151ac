package standalone

import (
	"context"
	"strings"
)

// reload takes the folder as it is now into force. What cannot be used changes nothing, and is said once.
func (x *Instance) reload(ctx context.Context) {
	p, err := load(x.o.Folder)
	if err == nil {
		err = p.limit(x.o.Workloads)
	}
	if err == nil && x.broken == "" && p.digest == x.current.digest {
		return
	}
	var changed []string
	before := map[addressed]bool{}
	if err == nil {
		before = x.addressed()
		changed, err = x.apply(ctx, p)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		if text := err.Error(); text != x.broken {
			x.broken = text
			x.warn("NOT IN FORCE: %s cannot be used as it is; generation %d stays in force.\n  %s", x.o.Folder, x.generation, text)
		}
		return
	}
	x.current, x.broken = p, ""
	x.findings(p)
	if len(changed) == 0 {
		x.say("generation %d is in force: nothing changes for any workload", x.generation)
		return
	}
	x.say("generation %d is in force; changed: %s", x.generation, strings.Join(changed, ", "))
	for r := range x.addressed() {
		if !before[r] {
			x.say("%s now reaches %s at http://%s", r.workload, r.host, r.address)
		}
	}
}

// addressed is one declared host as one workload reaches it, by where.
type addressed struct{ workload, host, address string }

func (x *Instance) addressed() map[addressed]bool {
	out := map[addressed]bool{}
	for _, r := range x.Summary().Routes {
		out[addressed{r.Workload, r.Host, r.Address}] = true
	}
	return out
}
