package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// keepVolumes empties and offers anew every volume whose claim is gone, until the context ends. Without it a suite that makes and
// deletes claims would use the few volumes up, because nothing on the node deletes or recycles them.
func (c cluster) keepVolumes(ctx context.Context) error {
	client, err := c.apiClient()
	if err != nil {
		return err
	}
	for {
		if err := c.renewVolumes(ctx, client); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Second):
		}
	}
}

func (c cluster) renewVolumes(ctx context.Context, client *http.Client) error {
	const path = "/api/v1/persistentvolumes"
	data, err := c.apiCall(ctx, client, http.MethodGet, path+"?labelSelector=optup.dev/local-volume%3Dtrue", "")
	if err != nil {
		return err
	}
	released, err := releasedVolumes(data)
	if err != nil {
		return err
	}
	for _, volume := range released {
		if err := emptyFolder(c.in("volumes", volume)); err != nil {
			return err
		}
		if _, err := c.apiCall(ctx, client, http.MethodPatch, path+"/"+volume, `{"spec":{"claimRef":null}}`); err != nil {
			return err
		}
		fmt.Println(volume, "is empty and available again")
	}
	return nil
}

// releasedVolumes reads a list of volumes and returns the names of those to renew. Whoever may make volumes could name one "..", so
// only names that this tool gave count.
func releasedVolumes(data []byte) ([]string, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct{ Phase string }
		}
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	var names []string
	for _, item := range list.Items {
		if item.Status.Phase == "Released" && slices.Contains(volumeNames(), item.Metadata.Name) {
			names = append(names, item.Metadata.Name)
		}
	}
	return names, nil
}

// emptyFolder keeps the folder itself, whose permissions pods rely on.
func emptyFolder(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o777)
}
