package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/people"
)

// harder is a share of people whose facts need a time that no ordinary shop has: every consent to a purpose expires.
const harder = 0.3

// Suite weighs.
func Suite() harness.Suite {
	return harness.Suite{
		Name: "memory",
		Rows: []harness.Row{
			{ID: "memory.identifier", What: "an identifier at 8 purposes, 10M, all in", Unit: "bytes", Must: harness.OwnAtMost(16)},
			{ID: "memory.identifier.harder", What: "the same, 30 % of the people with a grant that expires", Unit: "bytes"},
			{ID: "memory.map", What: "an identifier at 8 purposes, 10M", Unit: "bytes", Peer: "Go map[[16]byte]uint64", Must: harness.AtMost(0.35)},
			{ID: "memory.opa", What: "a person at 8 purposes, 1M", Unit: "bytes", Peer: "OPA's data in memory", Must: harness.AtMost(1. / 20)},
		},
		Measure: measure,
	}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (map[string]harness.Samples, error) {
	out := map[string]harness.Samples{}
	many := people.Population{Count: env.Size(10_000_000, 50_000), Seed: env.Seed, Expiring: people.Expiring}
	few := many
	few.Count = env.Size(1_000_000, 2_000)
	one := func(kind string, p people.Population) (float64, map[string]float64, error) {
		env.Say("memory: %s with %d people", kind, p.Count)
		w, err := ask(ctx, task{Kind: kind, People: p})
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", kind, err)
		}
		n := float64(p.Count)
		absolutes := map[string]float64{"identifiers": n, "bytes heap": w.Heap / n, "bytes resident": w.Resident / n, "combinations": float64(w.Combinations)}
		return max(w.Heap, w.Resident) / n, absolutes, nil
	}
	if asked.Any("memory.identifier", "memory.map") {
		own, absolutes, err := one("table", many)
		if err != nil {
			return out, err
		}
		out["memory.identifier"] = harness.Samples{Ours: []float64{own}, Absolutes: absolutes}
		if asked("memory.map") {
			peer, absolutes, err := one("map", many)
			if err != nil {
				return out, err
			}
			out["memory.map"] = harness.Samples{Ours: []float64{own}, Peer: []float64{peer}, Absolutes: absolutes}
		}
	}
	if asked("memory.identifier.harder") {
		p := many
		p.Expiring = harder
		own, absolutes, err := one("table", p)
		if err != nil {
			return out, err
		}
		out["memory.identifier.harder"] = harness.Samples{Ours: []float64{own}, Absolutes: absolutes}
	}
	if asked("memory.opa") {
		own, _, err := one("table", few)
		if err != nil {
			return out, err
		}
		peer, absolutes, err := one("opa", few)
		if err != nil {
			return out, err
		}
		out["memory.opa"] = harness.Samples{Ours: []float64{own}, Peer: []float64{peer}, Absolutes: absolutes}
	}
	return out, nil
}

// ask has a child do a task.
func ask(ctx context.Context, t task) (weight, error) {
	var w weight
	argument, err := json.Marshal(t)
	if err != nil {
		return w, err
	}
	self, err := os.Executable()
	if err != nil {
		return w, err
	}
	cmd := exec.CommandContext(ctx, self, "child", "memory", string(argument))
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	text, err := cmd.Output()
	if err != nil {
		return w, fmt.Errorf("%w: %s", err, wrong.Bytes())
	}
	return w, json.Unmarshal(text, &w)
}
