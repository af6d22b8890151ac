package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// publish brings an image named repository:tag to where the nodes of the cluster find it and returns the name that pods use.
func (t target) publish(ctx context.Context, image v1.Image, called string) (string, error) {
	switch t.kind {
	case kindCluster:
		return called, t.loadIntoKind(ctx, image, called)
	case existingCluster:
		if t.registry == "" {
			return "", fmt.Errorf("set OPTUP_REGISTRY to the registry that the nodes of the cluster pull from, for example OPTUP_REGISTRY=host:5000")
		}
		return push(ctx, image, t.registry+"/"+called)
	default:
		if err := answersHTTP("http://" + registryAddr + "/v2/")(ctx); err != nil {
			return "", fmt.Errorf("%w (%w)", errNoCluster, err)
		}
		return push(ctx, image, registryAddr+"/"+called)
	}
}

func push(ctx context.Context, image v1.Image, called string) (string, error) {
	tag, err := name.NewTag(called, name.StrictValidation)
	if err != nil {
		return "", err
	}
	return called, remote.Write(tag, image, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
}

// loadIntoKind goes through an archive, which needs no registry between this machine and kind's nodes.
func (t target) loadIntoKind(ctx context.Context, image v1.Image, called string) error {
	tag, err := name.NewTag(called)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "optup-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	archive := filepath.Join(folder, "image.tar")
	if err := tarball.WriteToFile(archive, tag, image); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "kind", "load", "image-archive", "--name", kindName, archive).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kind load image-archive: %w: %s", err, out)
	}
	return nil
}

// pushPause puts the sandbox's image where containerd looks for it.
func (c cluster) pushPause(ctx context.Context) error {
	image, err := buildImage(imageSpec{Entrypoint: "/pause", User: "65535", Files: map[string]string{"/pause": c.program("pause")}})
	if err != nil {
		return err
	}
	_, err = push(ctx, image, pauseImage)
	return err
}
