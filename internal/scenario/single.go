package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"

	yamlv4 "go.yaml.in/yaml/v4"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/internal/consent"
)

// Single completes a case that was put together, and not read from a folder, for one decision.
func Single(c Case, d Decision) (Case, error) {
	c.Decisions = []Decision{d}
	return c, c.complete()
}

// ReadLedger reads a list of ledger entries, or a document that has one as its member ledger; file is its name in positions.
func (c *Case) ReadLedger(file string, data []byte) error {
	list := data
	if raw, err := yaml.YAMLToJSON(data); err != nil {
		return err
	} else if bytes.HasPrefix(raw, []byte("{")) {
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(raw, &doc); err != nil {
			return err
		}
		if doc["ledger"] == nil {
			return fmt.Errorf("there is no list of events, and no member ledger that is one")
		}
		list = doc["ledger"]
	}
	c.File, c.lines = file, entryLines(data)
	return yaml.UnmarshalStrict(list, &c.Ledger)
}

// ReadDecision reads one decision: request, and where they apply answer, age and now.
func ReadDecision(data []byte) (Decision, error) {
	var d Decision
	err := yaml.UnmarshalStrict(data, &d)
	return d, err
}

// entryLines gives the line of each entry of the ledger in a document; none where it cannot be told.
func entryLines(data []byte) []int {
	var doc yamlv4.Node
	if yamlv4.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	list := doc.Content[0]
	if list.Kind == yamlv4.MappingNode {
		i := 0
		for i+1 < len(list.Content) && list.Content[i].Value != "ledger" {
			i += 2
		}
		if i+1 >= len(list.Content) {
			return nil
		}
		list = list.Content[i+1]
	}
	var out []int
	for _, n := range list.Content {
		out = append(out, n.Line)
	}
	return out
}

// Line is the line of an entry in File, by its position; 0 where it is not known.
func (c Case) Line(p consent.Position) int {
	if p == 0 || int(p) > len(c.lines) || len(c.lines) != len(c.Ledger) {
		return 0
	}
	return c.lines[p-1]
}
