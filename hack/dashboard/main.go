package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

//go:embed policies.yaml
var policiesYAML string

type options struct {
	root, programs, out, chromium string
	length                        time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", "../..", "the product's tree")
	flag.StringVar(&o.programs, "programs", "../../bin", "folder with the built programs; etcd, kube-apiserver and kubectl are in cluster below it")
	flag.StringVar(&o.out, "out", "../../docs/images/dashboard.png", "the picture")
	flag.StringVar(&o.chromium, "chromium", "chromium", "the browser that takes the picture")
	flag.DurationVar(&o.length, "length", 75*time.Second, "how long the run is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := draw(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

func draw(ctx context.Context, o options) (err error) {
	b, err := readBoard(filepath.Join(o.root, "charts/optup/files/dashboard.json"))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "optup-dashboard-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := openStore(filepath.Join(dir, "metrics"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	during, err := record(ctx, o, dir, s)
	if err != nil {
		return err
	}
	return picture(ctx, o, dir, b, s, during)
}

// warm is the beginning of the run that is not shown: rates are over the time before.
const warm = 7 * time.Second

// record runs the world under load and keeps its metrics. It gives the time that is worth showing.
func record(ctx context.Context, o options, dir string, s *store) (during span, err error) {
	w, err := start(ctx, dir, o.programs, o.root)
	defer w.stop()
	if err != nil {
		return during, err
	}
	l, err := newLoad(ctx, w, o.length)
	if err != nil {
		return during, err
	}
	reading, end := context.WithCancel(ctx)
	read := make(chan error, 1)
	go func() { read <- s.follow(reading, w.sources) }()
	during.from = time.Now().Truncate(time.Second).Add(warm)
	err = l.run(ctx)
	during.to = time.Now().Truncate(time.Second)
	end()
	return during, errors.Join(err, <-read)
}

// picture asks the panels' queries, draws the page and takes the picture. A query that gives nothing fails, once there is a picture.
func picture(ctx context.Context, o options, dir string, b *board, s *store, during span) error {
	found, silent := make([][]series, len(b.Panels)), []error{}
	for i := range b.Panels {
		f, nothing, err := s.ask(ctx, &b.Panels[i], during)
		if err != nil {
			return err
		}
		found[i], silent = f, append(silent, nothing...)
	}
	text, height := page(b, found, during)
	file := filepath.Join(dir, "page.html")
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.MkdirAll(filepath.Dir(o.out), 0o755)); err != nil {
		return err
	}
	if err := shoot(ctx, o, dir, file, height); err != nil {
		return err
	}
	return errors.Join(silent...)
}

// shoot has the browser take a picture of a page. The page is this program's own and loads nothing, so that the browser may go without
// its sandbox, which root does not get.
func shoot(ctx context.Context, o options, dir, file string, height int) error {
	out, err := filepath.Abs(o.out)
	if err != nil {
		return err
	}
	text, err := exec.CommandContext(ctx, o.chromium, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu",
		"--user-data-dir="+filepath.Join(dir, "browser"), fmt.Sprintf("--window-size=%d,%d", width, height), "--screenshot="+out, "file://"+file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("the browser took no picture: %w: %s", err, text)
	}
	return nil
}
