package main

import (
	"archive/tar"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func testImage(t *testing.T, content string) v1.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	image, err := buildImage(imageSpec{Entrypoint: "/program", User: "65532", Files: map[string]string{"/program": file, "/etc/optup/copy": file}})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestImageHoldsTheProgramAndAnOpenTmp(t *testing.T) {
	image := testImage(t, "content")
	config, err := image.ConfigFile()
	if err != nil || config.Config.User != "65532" || len(config.Config.Entrypoint) != 1 || config.Config.Entrypoint[0] != "/program" {
		t.Fatalf("config %+v, %v", config, err)
	}
	entries := map[string]int64{}
	for reader := tar.NewReader(mutate.Extract(image)); ; {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		entries[strings.TrimSuffix(header.Name, "/")] = header.Mode
	}
	for path, mode := range map[string]int64{"tmp": 0o1777, "program": 0o755, "etc": 0o755, "etc/optup": 0o755, "etc/optup/copy": 0o755} {
		if entries[path] != mode {
			t.Errorf("%s has mode %o", path, entries[path])
		}
	}
}

func TestSameFilesGiveTheSameImage(t *testing.T) {
	one, err := testImage(t, "content").Digest()
	two, err2 := testImage(t, "content").Digest()
	if err != nil || err2 != nil || one != two {
		t.Errorf("%s and %s (%v, %v)", one, two, err, err2)
	}
}

func TestRegistryKeepsManifestsOverARestart(t *testing.T) {
	dir := t.TempDir()
	quiet := log.New(io.Discard, "", 0)
	open := func() (*httptest.Server, string) {
		handler, err := newRegistry(dir, quiet)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		return server, strings.TrimPrefix(server.URL, "http://")
	}
	server, host := open()
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: testImage(t, "listed")})
	reference, err := name.NewTag(host + "/optup/list:dev")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(reference, index); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first", "second"} {
		if _, err := push(t.Context(), testImage(t, content), host+"/optup/program:dev"); err != nil {
			t.Fatal(err)
		}
	}
	server.Close()

	server, host = open()
	defer server.Close()
	tag, err := name.NewTag(host + "/optup/program:dev")
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	have, err := got.Digest()
	want, err2 := testImage(t, "second").Digest()
	if err != nil || err2 != nil || have != want {
		t.Errorf("the tag names %s instead of %s (%v, %v)", have, want, err, err2)
	}
	if layers, err := got.Layers(); err != nil || len(layers) != 1 {
		t.Errorf("layers %v, %v", layers, err)
	}
	if reference, err = name.NewTag(host + "/optup/list:dev"); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Index(reference); err != nil {
		t.Error(err)
	}
}
