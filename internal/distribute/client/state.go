package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/optup/optup/internal/ir"
)

const stateFile = "bundle.json"

// stored is the last good bundle as kept in the state folder.
type stored struct {
	Generation int64           `json:"generation"`
	Hash       string          `json:"hash"`
	Bundle     json.RawMessage `json:"bundle"`
}

// readState gives nil if nothing was stored, and an error for a file that was damaged.
func readState(dir string) (*stored, error) {
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing stored is no error
	}
	if err != nil {
		return nil, err
	}
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("read the stored bundle: %w", err)
	}
	if ir.Hash(s.Bundle) != s.Hash {
		return nil, errors.New("the stored bundle does not have the hash it was stored with")
	}
	return &s, nil
}

// writeState replaces the stored bundle: a crash leaves the old one or the new one, never a part.
func writeState(dir string, s stored) error {
	// Not json.Marshal: it would escape the bundle's bytes and so change its hash.
	return replace(dir, stateFile, fmt.Appendf(nil, `{"generation":%d,"hash":%q,"bundle":%s}`, s.Generation, s.Hash, s.Bundle))
}

func replace(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
