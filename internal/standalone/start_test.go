package standalone

import (
	"bytes"
	"log" //nolint:depguard // it is silenced, and nothing is said with it
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatCannotStartSaysWhy(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	for name, tt := range map[string]struct {
		files map[string]string // "" takes a file away
		with  func(*Options)
		want  string
	}{
		"a folder that is not there":         {nil, func(o *Options) { o.Folder += "/none" }, "no such file"},
		"a folder without manifests":         {nil, func(o *Options) { o.Folder = filepath.Join(o.Folder, "empty") }, "no .yaml file"},
		"a manifest that is none":            {map[string]string{"x.yaml": "kind: ["}, nil, "x.yaml:2:1: is no YAML"},
		"a field that is unknown":            {map[string]string{"x.yaml": tracker + "  colour: red\n"}, nil, `colour`},
		"a value that no sidecar would take": {map[string]string{"x.yaml": strings.ReplaceAll(wrongValue, "VALUE", "Drop")}, nil, `onMissing "Drop"`},
		"no namespace that is governed":      {map[string]string{"namespaces.yaml": ""}, nil, "nothing is governed"},
		"a workload that is not there":       {nil, func(o *Options) { o.Workloads = []string{"a/Job/b"} }, "no workload a/Job/b"},
		"a workload without its kind":        {nil, func(o *Options) { o.Workloads = []string{"mailer"} }, "namespace/Kind/name"},
		"an address for two workloads":       {nil, func(o *Options) { o.Listen = []string{provider + "=127.0.0.1:0"} }, "needs one workload"},
		"an address that others reach":       {nil, func(o *Options) { o.Listen = []string{provider + "=0.0.0.0:9000"} }, "loopback"},
		"an address without a port":          {nil, func(o *Options) { o.Listen = []string{provider + "=127.0.0.1"} }, "host:port=address"},
		"a host without a port":              {nil, func(o *Options) { o.Listen = []string{"mail=127.0.0.1:9000"} }, "name the port"},
		"an address that is taken": {nil, func(o *Options) {
			o.Workloads, o.Listen = []string{mailer}, []string{provider + "=" + busy.Addr().String()}
		}, "in use"},
		"an upstream for what nobody declares":  {nil, func(o *Options) { o.Upstreams = []string{"x.example=127.0.0.1:9000"} }, "no DataService"},
		"an upstream that is no address":        {nil, func(o *Options) { o.Upstreams = []string{"x.example"} }, "host:port=address"},
		"a shop without people":                 {nil, func(o *Options) { o.People = 0 }, "1 to 100000 people"},
		"a directory that cannot be made":       {nil, func(o *Options) { o.Data = filepath.Join(o.Folder, "namespaces.yaml", "x") }, "not a directory"},
		"the data of another controller's keys": {map[string]string{"data/shop-consent.main/root.key": "short"}, func(o *Options) { o.Data = filepath.Join(o.Folder, "data") }, "root key"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := samples(t)
			if err := os.Mkdir(filepath.Join(folder, "empty"), 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range tt.files {
				if text == "" {
					if err := os.Remove(filepath.Join(folder, file)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				write(t, filepath.Join(folder, file), text)
			}
			o := Options{Folder: folder, People: 10}
			if tt.with != nil {
				tt.with(&o)
			}
			x, err := Start(t.Context(), o)
			if err == nil {
				_ = x.Stop()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

const wrongValue = `
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: wrong, namespace: shop-marketing}
spec:
  rules: [{name: a, purpose: advice, service: {namespace: shop-services, name: customers}, endpoints: [list], onMissing: VALUE}]
`

// TestTheLastLineSaysWhatToCall: scripts and people rely on it.
func TestTheLastLineSaysWhatToCall(t *testing.T) {
	h := start(t, samples(t), nil)
	var out bytes.Buffer
	if err := h.Summary().Print(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(out.String(), "\n")
	last := text[strings.LastIndex(text, "\n")+1:]
	if !strings.HasPrefix(last, "Ready. ") || !strings.Contains(last, "curl -s "+h.at(dashboard, register)+"/v1/customers") || strings.Count(text, "Ready.") != 1 {
		t.Errorf("%s", text)
	}
	for _, want := range []string{h.at(mailer, provider), "optup ledger withdraw --purpose advice", h.TokenFile(), "/people?template=d-newsletter"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not tell of %s:\n%s", want, text)
		}
	}
}

// TestTheStandardLibraryLogsNothing: what it would log may quote answers.
func TestTheStandardLibraryLogsNothing(t *testing.T) {
	before := log.Writer()
	defer log.SetOutput(before)
	var out bytes.Buffer
	log.SetOutput(&out)
	start(t, samples(t), nil)
	log.Print("Unsolicited response starting with anna@example.org")
	if out.Len() > 0 {
		t.Errorf("logged %s", &out)
	}
}
