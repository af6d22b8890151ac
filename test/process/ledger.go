package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Ledger prepares a folder for a ledger of one controller, which takes a development token: a root key, a place for its data, and its
// config. It gives the arguments that the program then serves with at an address, and the file of the token.
func Ledger(ctx context.Context, program, dir, addr, controller, token string) (args []string, tokenFile string, err error) {
	file := func(name string) string { return filepath.Join(dir, name) }
	config, err := json.Marshal(map[string]string{"controller": controller})
	if err != nil {
		return nil, "", err
	}
	err = errors.Join(os.MkdirAll(file("data"), 0o700), os.WriteFile(file("config.json"), config, 0o600), os.WriteFile(file("dev.token"), []byte(token), 0o600))
	if err != nil {
		return nil, "", err
	}
	if out, err := exec.CommandContext(ctx, program, "keygen", "--out", file("root.key")).CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("keygen: %w: %s", err, out)
	}
	return []string{
		"serve", "--data", file("data"), "--root-key", file("root.key"), "--config", file("config.json"),
		"--listen", addr, "--admin", "127.0.0.1:0", "--dev-token-file", file("dev.token"),
	}, file("dev.token"), nil
}
