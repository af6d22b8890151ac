package main

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// imageSpec describes an image of one layer on an empty base.
type imageSpec struct {
	// Entrypoint is the absolute path of the program in the image.
	Entrypoint string
	// User is a numeric user id: an empty base has no /etc/passwd to look a name up in.
	User string
	Args []string
	Env  []string
	// Files maps an absolute path in the image to a file or folder of this machine.
	Files map[string]string
}

// epoch is the time of everything in an image, so that the same files give the same digest.
var epoch = time.Unix(0, 0).UTC()

// buildImage makes the image. Files are root's and keep their permission bits; /tmp is there and open to every user.
func buildImage(spec imageSpec) (v1.Image, error) {
	if !path.IsAbs(spec.Entrypoint) {
		return nil, fmt.Errorf("entrypoint %q must be an absolute path in the image", spec.Entrypoint)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		reader, writer := io.Pipe()
		go func() { writer.CloseWithError(writeLayer(writer, spec.Files)) }()
		return reader, nil
	}, tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return nil, err
	}
	image, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "hack/cluster image", Created: v1.Time{Time: epoch}}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", runtime.GOARCH, v1.Time{Time: epoch}
	config.Config.Entrypoint = []string{spec.Entrypoint}
	config.Config.Cmd = spec.Args
	config.Config.User = spec.User
	config.Config.WorkingDir = "/"
	config.Config.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, spec.Env...)
	return mutate.ConfigFile(image, config)
}

// writeLayer writes the files in order of their path in the image.
func writeLayer(w io.Writer, files map[string]string) error {
	out := layerWriter{Writer: tar.NewWriter(w), made: map[string]bool{"/": true}}
	if err := out.folder("/tmp", 0o1777); err != nil {
		return err
	}
	targets := make([]string, 0, len(files))
	for target := range files {
		targets = append(targets, target)
	}
	slices.Sort(targets)
	for _, target := range targets {
		if err := out.tree(files[target], path.Clean("/"+target)); err != nil {
			return err
		}
	}
	return out.Close()
}

// layerWriter writes entries and remembers the folders it made.
type layerWriter struct {
	*tar.Writer
	made map[string]bool
}

func (w layerWriter) folder(target string, mode int64) error {
	if w.made[target] {
		return nil
	}
	if err := w.folder(path.Dir(target), 0o755); err != nil {
		return err
	}
	w.made[target] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(target, "/") + "/", Mode: mode, ModTime: epoch})
}

// tree writes source, a file or a folder with all below it, as target. A symbolic link stays one, except when named itself.
func (w layerWriter) tree(source, target string) error {
	root, err := filepath.EvalSymlinks(source)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return w.entry(name, path.Join(target, filepath.ToSlash(relative)), info)
	})
}

func (w layerWriter) entry(source, target string, info fs.FileInfo) error {
	if info.IsDir() {
		return w.folder(target, int64(info.Mode().Perm()))
	}
	if err := w.folder(path.Dir(target), 0o755); err != nil {
		return err
	}
	header := &tar.Header{Name: strings.TrimPrefix(target, "/"), Mode: int64(info.Mode().Perm()), ModTime: epoch}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		link, err := os.Readlink(source)
		if err != nil {
			return err
		}
		header.Typeflag, header.Linkname = tar.TypeSymlink, link
		return w.WriteHeader(header)
	case info.Mode().IsRegular():
		header.Typeflag, header.Size = tar.TypeReg, info.Size()
	default:
		return fmt.Errorf("%s is neither a file, a folder nor a symbolic link", source)
	}
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}
