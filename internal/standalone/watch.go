package standalone

import (
	"context"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a folder has to be quiet before it is read: editors write in several steps.
const settle = 150 * time.Millisecond

// watcher tells of changes to a folder and all below it.
type watcher struct {
	folder string
	*fsnotify.Watcher
}

func newWatcher(folder string) (*watcher, error) {
	n, err := fsnotify.NewWatcher()
	if err == nil {
		w := &watcher{folder, n}
		if err = w.follow(); err == nil {
			return w, nil
		}
		_ = n.Close()
	}
	return nil, fmt.Errorf("%s cannot be watched: %w", folder, err)
}

// follow watches every folder that is there now. Watching one again changes nothing.
func (w *watcher) follow() error {
	dirs, err := folders(w.folder)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if err := w.Add(d); err != nil {
			return err
		}
	}
	return nil
}

// run calls changed, in one goroutine, whenever the folder has become quiet after a change, until ctx ends or the watcher is closed.
func (w *watcher) run(ctx context.Context, changed func(context.Context)) error {
	quiet := time.NewTimer(settle) // once at the start: what changed before anybody listened
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return nil
			}
			if e.Op != fsnotify.Chmod {
				quiet.Reset(settle)
			}
		case _, ok := <-w.Errors:
			if !ok {
				return nil
			}
			quiet.Reset(settle) // events were lost, so that anything may have changed
		case <-quiet.C:
			// A folder that is gone for a moment fails to be read, too, which says so.
			_ = w.follow()
			changed(ctx)
		}
	}
}

func (w *watcher) close() {
	if w != nil {
		_ = w.Close()
	}
}
