package standalone

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ledger/access"
)

// Options say what to run.
type Options struct {
	// Folder holds the manifests (YAML), with all that is below it.
	Folder string
	// Data keeps the ledgers over restarts; empty for a temporary directory that goes when the run ends.
	Data string
	// Port is the first of the ports that are taken, upwards; 0 for any that are free.
	Port int
	// People is how many customers the shop has, and Seed what they are generated from.
	People int
	Seed   uint64
	// Workloads limits the sidecars to these, each "namespace/Kind/name"; empty for all.
	Workloads []string
	// Listen fixes addresses, each "host:port=address:port": declared host and port, and a loopback address to serve them on.
	Listen []string
	// Upstreams says where declared hosts really are, each "host=address:port" or "host:port=address:port".
	Upstreams []string
	// Credentials are files with what the cluster would have in Secrets, each "namespace/secret/key=file".
	Credentials []string
	// Out is told of progress, Err of findings and of edits that cannot be used. Both may be nil.
	Out, Err io.Writer
	// Logger is told what goes wrong inside; nil for lines of text on Err.
	Logger *slog.Logger

	listen, upstreams map[string]string
	credentials       credential.Files
}

// maxPeople is how many people the generated shop may have: their consents have to fit into one import.
const maxPeople = 100_000

func (o *Options) check() error {
	switch {
	case o.Folder == "":
		return errors.New("no folder with manifests is given")
	case o.People < 1 || o.People > maxPeople:
		return fmt.Errorf("the shop has 1 to %d people, not %d", maxPeople, o.People)
	case o.Port < 0 || o.Port > 65000:
		return fmt.Errorf("the first port is 0 to 65000, not %d", o.Port)
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Err == nil {
		o.Err = io.Discard
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(o.Err, nil))
	}
	for _, w := range o.Workloads {
		if strings.Count(w, "/") != 2 {
			return fmt.Errorf("--workload %q: write namespace/Kind/name, for example marketing/Deployment/mailer", w)
		}
	}
	o.credentials = credential.Files{}
	for _, v := range o.Credentials {
		if err := o.credentials.Set(v); err != nil {
			return fmt.Errorf("--credential: %w", err)
		}
	}
	o.listen, o.upstreams = map[string]string{}, map[string]string{}
	for _, v := range o.Listen {
		key, addr, err := assignment("--listen", v)
		if err == nil && !strings.Contains(key, ":") {
			err = fmt.Errorf("--listen %q: name the port, too, for example %s:80=%s", v, key, addr)
		}
		if err == nil && !access.Loopback(addr) {
			err = fmt.Errorf("--listen %q: give a loopback address, such as 127.0.0.1:9000: whoever reaches it acts as the workload", v)
		}
		if err != nil {
			return err
		}
		o.listen[key] = addr
	}
	for _, v := range o.Upstreams {
		key, addr, err := assignment("--upstream", v)
		if err != nil {
			return err
		}
		o.upstreams[key] = addr
	}
	return nil
}

// assignment reads "host=address:port" or "host:port=address:port".
func assignment(flag, v string) (key, addr string, err error) {
	key, addr, ok := strings.Cut(v, "=")
	_, port, aerr := net.SplitHostPort(addr)
	_, perr := strconv.ParseUint(port, 10, 16)
	host, hostPort, named := strings.Cut(key, ":")
	if named {
		if _, err := strconv.ParseUint(hostPort, 10, 16); err != nil {
			perr = err
		}
	}
	if !ok || aerr != nil || perr != nil || host == "" {
		return "", "", fmt.Errorf("%s %q: write host:port=address, for example mail.services.svc:80=127.0.0.1:9000", flag, v)
	}
	return strings.ToLower(key), addr, nil
}
