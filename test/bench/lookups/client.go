package lookups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/optup/optup/test/bench/cores"
)

// order is one line that the process of the client is sent, and told is what it answers.
type order struct {
	// Connect to a server, which the questions are for. It is called by its address from then on.
	Connect   string   `json:",omitempty"`
	Questions []string `json:",omitempty"`
	// Ask a server so many questions.
	Ask  string `json:",omitempty"`
	Many int    `json:",omitempty"`
	// Processors says how many there are for the client.
	Processors int `json:",omitempty"`
}

type told struct {
	// Microseconds that a question took.
	Microseconds float64
	Error        string `json:",omitempty"`
}

// Client is the process that asks. It does nothing else, so that it can have a processor of its own.
func Client(in io.Reader, out io.Writer) error {
	loads := map[string]*load{}
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil //nolint:nilerr // the end
		}
		t, err := o.obey(loads)
		if err != nil {
			t.Error = err.Error()
		}
		if err := answers.Encode(t); err != nil {
			return err
		}
	}
}

func (o order) obey(loads map[string]*load) (t told, err error) {
	switch {
	case o.Processors > 0:
		runtime.GOMAXPROCS(o.Processors)
		return t, nil
	case o.Connect != "":
		if loads[o.Connect], err = dial(o.Connect, connections, o.Questions); err != nil {
			return t, err
		}
		// One question on each: a connection on which nothing was ever asked is soon closed.
		for i, c := range loads[o.Connect].conns {
			if _, err := c.ask(loads[o.Connect].requests[i]); err != nil {
				return t, err
			}
		}
		return t, nil
	case loads[o.Ask] != nil:
		t.Microseconds, err = loads[o.Ask].run(o.Many)
		return t, err
	default:
		return t, errors.New("an order that says nothing")
	}
}

// client is that process, as the benchmark sees it.
type client struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
}

func startClient(ctx context.Context) (*client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &client{cmd: exec.CommandContext(ctx, self, "child", "lookups")}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	c.orders, c.answers = json.NewEncoder(c.in), json.NewDecoder(out)
	return c, c.cmd.Start()
}

func (c *client) do(o order) (float64, error) {
	if err := c.orders.Encode(o); err != nil {
		return 0, fmt.Errorf("the process of the client ended: %w", err)
	}
	var t told
	if err := c.answers.Decode(&t); err != nil {
		return 0, fmt.Errorf("the process of the client ended: %w", err)
	}
	if t.Error != "" {
		return 0, fmt.Errorf("the client: %s", t.Error)
	}
	return t.Microseconds, nil
}

func (c *client) stop() error {
	_ = c.in.Close()
	end := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer end.Stop()
	return c.cmd.Wait()
}

// The cores: all that answers, databases included, has one, and the client the other.
const (
	coreAsking = iota
	coreAnswering
)

// apart gives client and servers a core each.
func (c *client) apart() error {
	runtime.GOMAXPROCS(1)
	err := errors.Join(cores.Bind(os.Getpid(), coreAnswering), cores.Bind(c.cmd.Process.Pid, coreAsking))
	if err == nil {
		_, err = c.do(order{Processors: 1})
	}
	return err
}

// together lets both run wherever there is room.
func (c *client) together() error {
	runtime.GOMAXPROCS(runtime.NumCPU())
	err := cores.Free(os.Getpid())
	if err == nil {
		_, err = c.do(order{Processors: runtime.NumCPU()})
	}
	return err
}
