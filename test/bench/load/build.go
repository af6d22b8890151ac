package load

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/optup/optup/test/bench/harness"
)

// programs that are measured, or help: folder of the module and package, below the root of the repository.
var programs = map[string][2]string{
	"sidecar":      {".", "./cmd/sidecar"},
	"ledger":       {".", "./cmd/ledger"},
	"reverseproxy": {"test/bench", "./peers/reverseproxy"},
	"caddy":        {"test/bench/peers/caddy", "."},
	"extauthz":     {"test/bench/peers/extauthz", "."},
}

// build builds a program as the product is built, and gives its file. To each is added what lets it free memory on a signal.
func build(ctx context.Context, env *harness.Env, name string) (string, error) {
	p := programs[name]
	module := filepath.Join(env.Root, p[0])
	overlay, err := overlayFile(env, name, filepath.Join(module, p[1]))
	if err != nil {
		return "", err
	}
	out := filepath.Join(env.Root, "test", "bench", "bin", name)
	env.Say("building %s", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-overlay", overlay, "-o", out, p[1])
	cmd.Dir, cmd.Env = module, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s cannot be built: %w\n%s", name, err, text)
	}
	return out, nil
}

func overlayFile(env *harness.Env, name, folder string) (string, error) {
	added := filepath.Join(env.Root, "test", "bench", "load", "overlay", "free.go.txt")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(folder, "zz_free.go"): added}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(env.Dir, name+".overlay.json")
	return file, os.WriteFile(file, text, 0o600)
}
