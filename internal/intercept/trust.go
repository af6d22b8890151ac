package intercept

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

// Files of a trust folder, for the runtimes that read them. Runtimes that add to what they trust get the authorities of interception
// alone; those that replace it get the public ones, too.
const (
	// FileAll holds public roots and the authorities of interception (PEM).
	FileAll = "authorities.pem"
	// FileOwn holds the authorities of interception alone (PEM).
	FileOwn = "interception.pem"
	// FileJava is FileAll as a PKCS 12 trust store without a password.
	FileJava = "authorities.p12"
	// FolderPHP holds an ini file that names FileAll: PHP's curl reads no variable.
	FolderPHP = "php"
)

// WriteTrust writes a trust folder. Roots are the public authorities and own those of interception, in DER; at is where applications
// find the folder. A file appears whole or not at all, and FileOwn last.
func WriteTrust(dir, at string, roots, own [][]byte) error {
	all := append(append([][]byte(nil), own...), roots...)
	java, err := PKCS12(all)
	if err != nil {
		return fmt.Errorf("write the trust store for Java: %w", err)
	}
	php := filepath.Join(dir, FolderPHP)
	if err := os.MkdirAll(php, 0o755); err != nil { //nolint:gosec // public certificates, for every user of the pod
		return err
	}
	bundle := filepath.Join(at, FileAll)
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{FileAll, inPEM(all)},
		{FileJava, java},
		{filepath.Join(FolderPHP, "optup.ini"), fmt.Appendf(nil, "curl.cainfo=%s\nopenssl.cafile=%s\n", bundle, bundle)},
		{FileOwn, inPEM(own)},
	} {
		if err := writeWhole(filepath.Join(dir, f.name), f.content); err != nil {
			return err
		}
	}
	return nil
}

// ReadTrust gives the authorities of interception that a trust folder holds, in DER; false if it was not written yet.
func ReadTrust(dir string) (own [][]byte, written bool) {
	text, err := os.ReadFile(filepath.Join(dir, FileOwn))
	if err != nil {
		return nil, false
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		own = append(own, block.Bytes)
	}
	return own, true
}

func inPEM(all [][]byte) []byte {
	var out bytes.Buffer
	for _, der := range all {
		out.Write(certificatePEM(der))
	}
	return out.Bytes()
}

func writeWhole(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
