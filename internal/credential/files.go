package credential

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
)

// maxFile bounds a file with a value, in bytes.
const maxFile = 64 << 10

// Files hold values for a sidecar that runs alone, by "namespace/secret/key": as the Secrets of a cluster would.
type Files map[string]string

// Set adds "namespace/secret/key=file". It never quotes more than the name.
func (f Files) Set(v string) error {
	name, file, ok := strings.Cut(v, "=")
	if !ok || strings.Count(name, "/") != 2 || file == "" {
		return fmt.Errorf("write namespace/secret/key=file, for example platform/sendgrid/api-key=./api-key, and not %q", name)
	}
	f[name] = file
	return nil
}

// Read gives the values that are wanted and that there are files for. It fails for a file that cannot be read, and for one that nobody
// wants.
func (f Files) Read(wanted []ir.Value) (map[ir.Value]Secret, error) {
	out := map[ir.Value]Secret{}
	used := map[string]bool{}
	var names []string
	for _, v := range wanted {
		namespace, _, _ := strings.Cut(v.Service, "/")
		name := namespace + "/" + v.ID
		names = append(names, name)
		file, ok := f[name]
		if !ok {
			continue
		}
		used[name] = true
		value, err := os.ReadFile(file)
		switch {
		case err != nil:
			return nil, fmt.Errorf("credential %s: %w", name, err)
		case len(value) == 0, len(value) > maxFile:
			return nil, fmt.Errorf("credential %s: %s is empty, or longer than 64 KiB", name, file)
		}
		out[v] = New(string(value))
	}
	for name := range f {
		if !used[name] {
			slices.Sort(names)
			return nil, fmt.Errorf("credential %s: no service asks for it; they ask for: %s", name, strings.Join(slices.Compact(names), ", "))
		}
	}
	return out, nil
}
