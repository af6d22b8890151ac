package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// Shells of ordinary users often lack these folders, where nft and ip are.
	_ = os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// newRoot wires the commands. What a program may want to read goes to standard output, everything else to standard error.
func newRoot() *cobra.Command {
	var kind string
	var t target
	root := &cobra.Command{
		Use:           "cluster",
		Short:         "A whole Kubernetes on this machine, built from source, without a container engine",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			t, err = newTarget(kind)
			return err
		},
	}
	chosen := os.Getenv("CLUSTER")
	if chosen == "" {
		chosen = localCluster
	}
	root.PersistentFlags().StringVar(&kind, "cluster", chosen, "cluster to work on: local, kind or existing (also: CLUSTER)")
	root.AddCommand(
		&cobra.Command{Use: "build", Short: "Build every program of the local cluster", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return t.locked(func() error { return t.build(cmd.Context(), os.Stderr, allPrograms) })
		}},
		&cobra.Command{Use: "assets", Short: "Build etcd, kube-apiserver and kubectl and print their folder, for KUBEBUILDER_ASSETS", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			if err := t.locked(func() error { return t.build(cmd.Context(), os.Stderr, apiServerPrograms) }); err != nil {
				return err
			}
			fmt.Println(t.bin)
			return nil
		}},
		&cobra.Command{Use: "up", Short: "Start the cluster and wait until it takes pods", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			if err := t.locked(func() error { return t.up(cmd.Context(), os.Stderr) }); err != nil {
				return err
			}
			if path := t.adminKubeconfig(); path != "" {
				fmt.Println("export KUBECONFIG=" + path)
			}
			return nil
		}},
		&cobra.Command{Use: "down", Short: "Take the cluster and everything it left on the machine away", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return t.locked(func() error { return t.down(cmd.Context(), os.Stderr) })
		}},
		&cobra.Command{Use: "status", Short: "Say which processes run and whether the cluster is in order", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return t.status(cmd.Context(), os.Stdout)
		}},
		&cobra.Command{Use: "kubeconfig", Short: "Print the path of the cluster's kubeconfig", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			if t.kind == localCluster && !t.exists() {
				return errNoCluster
			}
			fmt.Println(t.adminKubeconfig())
			return nil
		}},
		&cobra.Command{Use: "smoke", Short: "Run a pod with a native sidecar and try names, Services, volumes, logs and exec", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return t.smoke(cmd.Context(), os.Stderr)
		}},
		imageCommand(&t), registryCommand(), namesCommand(&t),
		keeperCommand("volumes", func(ctx context.Context) error { return t.keepVolumes(ctx) }),
		keeperCommand("policies", func(ctx context.Context) error { return t.keepPolicies(ctx) }),
	)
	return root
}

func imageCommand(t *target) *cobra.Command {
	var called string
	var shared bool
	var spec imageSpec
	cmd := &cobra.Command{
		Use:   "image --name REPOSITORY:TAG --entrypoint /PROGRAM BINARY [SOURCE=TARGET ...]",
		Short: "Make an image of one binary (and files), bring it to the cluster and print the name that pods use",
		Long: "Make an image of one static binary, and of more files or folders if wanted, on an empty base, bring it to the\n" +
			"cluster and print the name that pods use. Paths on this machine are relative to the repository's root.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := t.imageFiles(spec.Entrypoint, args)
			if err != nil {
				return err
			}
			if shared {
				if err := addLibraries(files); err != nil {
					return err
				}
			}
			spec.Files = files
			image, err := buildImage(spec)
			if err != nil {
				return err
			}
			full, err := t.publish(cmd.Context(), image, called)
			if err != nil {
				return err
			}
			fmt.Println(full)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&called, "name", "", "repository and tag, without a registry")
	flags.StringVar(&spec.Entrypoint, "entrypoint", "", "absolute path of the binary in the image")
	flags.StringVar(&spec.User, "user", "65532", "numeric user id that it runs as")
	flags.BoolVar(&shared, "libraries", false, "add the shared libraries that the files need")
	flags.StringArrayVar(&spec.Args, "arg", nil, "argument of the entrypoint that a pod may replace (repeatable)")
	flags.StringArrayVar(&spec.Env, "env", nil, "variable NAME=VALUE (repeatable)")
	_ = cmd.MarkFlagRequired("name")
	_ = cmd.MarkFlagRequired("entrypoint")
	return cmd
}

// imageFiles reads the arguments of image: the binary, then SOURCE=TARGET. Relative sources start at the repository's root, since
// the Go tool has changed to this module's folder before the program starts.
func (c cluster) imageFiles(entrypoint string, args []string) (map[string]string, error) {
	files := map[string]string{}
	for i, arg := range args {
		source, inside := arg, entrypoint
		if i > 0 {
			var found bool
			if source, inside, found = strings.Cut(arg, "="); !found || !strings.HasPrefix(inside, "/") {
				return nil, fmt.Errorf("%q must be SOURCE=/TARGET", arg)
			}
		}
		if !filepath.IsAbs(source) {
			source = filepath.Join(c.repo, source)
		}
		files[inside] = source
	}
	return files, nil
}

func registryCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{Use: "registry", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return serveRegistry(cmd.Context(), dir)
	}}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of blobs and manifests")
	return cmd
}

// keeperCommand runs a component of this tool's own until it is ended.
func keeperCommand(name string, keep func(context.Context) error) *cobra.Command {
	cmd := &cobra.Command{Use: name, Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return keep(cmd.Context()) }}
	// Everything follows from the state; the argument marks the process as this cluster's.
	cmd.Flags().String("dir", "", "a folder of the state")
	return cmd
}

// locked keeps two runs that build, start or stop from meeting: the second waits.
func (c cluster) locked(work func() error) error {
	if err := os.MkdirAll(c.bin, 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(c.bin, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if errors.Is(err, os.ErrPermission) && !isRoot() {
		return fmt.Errorf("%s was built by another user (%w); run this as root, with sudo -E", c.bin, err)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return work()
}
