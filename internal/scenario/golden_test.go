package scenario_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/testkit"
)

// TestGolden holds the compiler to the bundles and conditions that were reviewed.
func TestGolden(t *testing.T) {
	for _, c := range cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			b, err := c.Bundle()
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, b.Encoded, "", "  "); err != nil {
				t.Fatal(err)
			}
			pretty.WriteByte('\n')
			path := filepath.Join(folder, c.Folder, "bundle.golden.json")
			testkit.Golden(t, path, pretty.Bytes())
			status, err := yaml.Marshal(c.Status())
			if err != nil {
				t.Fatal(err)
			}
			testkit.Golden(t, filepath.Join(folder, c.Folder, "status.golden.yaml"), status)

			// The file is easier to read than the canonical encoding, and comes to the same.
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			read, err := ir.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := ir.Encode(read); err != nil || !bytes.Equal(again, b.Encoded) {
				t.Errorf("what is read from the golden file encodes differently (%v):\n%s\n%s", err, again, b.Encoded)
			}
		})
	}
}
