package intercept

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestATrustFolderServesEveryRuntime(t *testing.T) {
	dir := t.TempDir()
	if _, written := ReadTrust(dir); written {
		t.Error("an empty folder counts as written")
	}
	public, own := authority(t, "public.example").Certificate.Raw, authority(t, "crm.example").Certificate.Raw
	if err := WriteTrust(dir, "/etc/optup/authorities", [][]byte{public}, [][]byte{own}); err != nil {
		t.Fatal(err)
	}
	count := func(name string) (n int) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			n++
		}
		return n
	}
	if all, alone := count(FileAll), count(FileOwn); all != 2 || alone != 1 {
		t.Errorf("%d authorities in all, %d of interception", all, alone)
	}
	if got, written := ReadTrust(dir); !written || len(got) != 1 || !bytes.Equal(got[0], own) {
		t.Errorf("read back: %d, %v", len(got), written)
	}
	php, err := os.ReadFile(filepath.Join(dir, FolderPHP, "optup.ini"))
	if err != nil || !strings.Contains(string(php), "curl.cainfo=/etc/optup/authorities/authorities.pem\n") {
		t.Errorf("%s, %v", php, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}

// TestTheTrustStoreForJavaIsRead by tools that did not write it.
func TestTheTrustStoreForJavaIsRead(t *testing.T) {
	a, b := authority(t, "a.example").Certificate.Raw, authority(t, "b.example").Certificate.Raw
	store, err := PKCS12([][]byte{a, b})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), FileJava)
	if err := os.WriteFile(file, store, 0o600); err != nil {
		t.Fatal(err)
	}
	read := 0
	for tool, args := range map[string][]string{
		"openssl": {"pkcs12", "-in", file, "-nokeys", "-nomac", "-passin", "pass:"},
		"keytool": {"-list", "-rfc", "-keystore", file, "-storetype", "PKCS12", "-storepass", ""},
	} {
		path, err := exec.LookPath(tool)
		if err != nil {
			continue
		}
		read++
		out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
		if n := strings.Count(string(out), "-----BEGIN CERTIFICATE-----"); err != nil || n != 2 {
			t.Errorf("%s reads %d certificates, %v: %s", tool, n, err, out)
		}
	}
	switch {
	case read > 0:
	case os.Getenv("CI") != "":
		t.Error("neither openssl nor keytool is here: nothing has read the trust store")
	default:
		t.Skip("neither openssl nor keytool is here")
	}
}
