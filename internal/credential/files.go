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

// Check fails for a file that nobody wants.
func (f Files) Check(wanted []ir.Value) error {
	names := make([]string, 0, len(wanted))
	for _, v := range wanted {
		names = append(names, nameOf(v))
	}
	slices.Sort(names)
	for name := range f {
		if !slices.Contains(names, name) {
			return fmt.Errorf("credential %s: no service asks for it; they ask for: %s", name, strings.Join(slices.Compact(names), ", "))
		}
	}
	return nil
}

func nameOf(v ir.Value) string {
	namespace, _, _ := strings.Cut(v.Service, "/")
	return namespace + "/" + v.KeptAs()
}

// Read gives the values that are wanted and that there are files for. It fails for a file that cannot be read.
func (f Files) Read(wanted []ir.Value) (map[ir.Value]Secret, error) {
	out := map[ir.Value]Secret{}
	for _, v := range wanted {
		name := nameOf(v)
		file, ok := f[name]
		if !ok {
			continue
		}
		value, err := os.ReadFile(file)
		switch {
		case err != nil:
			return nil, fmt.Errorf("credential %s: %w", name, err)
		case len(value) == 0, len(value) > maxFile:
			return nil, fmt.Errorf("credential %s: %s is empty, or longer than 64 KiB", name, file)
		}
		out[v] = New(string(value))
	}
	return out, nil
}
