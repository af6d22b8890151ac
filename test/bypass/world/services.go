package world

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/bypass/market"
)

// Languages in which the service is written, each with its own server.
const (
	Go     = "go"
	Node   = "node"
	Python = "python"
)

// programs are what a language needs beside the file of the market.
var programs = map[string][]string{Node: {"node", "servers/node.mjs"}, Python: {"python3", "servers/server.py"}}

// Available tells whether the services of a language can run on this machine.
func Available(language string) bool {
	if language == Go {
		return true
	}
	_, err := exec.LookPath(programs[language][0])
	return err == nil
}

// services are running services, with the port of each.
type services struct {
	ports map[string]int
	stop  []func()
}

// startServices starts one service for each language. Sent is called for each mail that one of them would send.
func startServices(ctx context.Context, dir string, m *market.Market, languages []string, sent func(liberal.Mail)) (*services, error) {
	text, err := m.JSON()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "market.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	s := &services{ports: map[string]int{}}
	for _, language := range languages {
		if language == Go {
			err = s.startGo(ctx, text, sent)
		} else {
			err = s.startProgram(ctx, dir, language, file, sent)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the service for %s: %w", language, err), s.close())
		}
	}
	return s, nil
}

func (s *services) close() error {
	for _, stop := range s.stop {
		stop()
	}
	return nil
}

func (s *services) startGo(ctx context.Context, text []byte, sent func(liberal.Mail)) error {
	service, err := liberal.New(text, sent)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: service, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	s.stop = append(s.stop, func() { _ = server.Close() })
	s.ports[Go] = l.Addr().(*net.TCPAddr).Port
	return nil
}

func (s *services) startProgram(ctx context.Context, dir, language, file string, sent func(liberal.Mail)) error {
	program := programs[language]
	source, err := fs.ReadFile(liberal.Servers, program[1])
	if err != nil {
		return err
	}
	script := filepath.Join(dir, filepath.Base(program[1]))
	if err := os.WriteFile(script, source, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, language+".log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, program[0], script, file)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.stop = append(s.stop, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	if !lines.Scan() {
		return fmt.Errorf("%s did not start; see %s", program[0], log.Name())
	}
	var port int
	if _, err := fmt.Sscanf(lines.Text(), "listening %d", &port); err != nil {
		return fmt.Errorf("%s said %q: %w", program[0], lines.Text(), err)
	}
	s.ports[language] = port
	go func() {
		for lines.Scan() {
			var m liberal.Mail
			if strings.HasPrefix(lines.Text(), "{") && json.Unmarshal(lines.Bytes(), &m) == nil {
				sent(m)
			}
		}
	}()
	return nil
}
