// Command protogen compiles the repository's .proto files and writes the Go code next to them, without protoc or buf.
//
//	protogen -root DIR -go PLUGIN -connect PLUGIN [PATH]...
//
// It finds every .proto file below the given paths (default: internal) of the root directory, compiles them, and runs
// protoc-gen-go and protoc-gen-connect-go on each with paths=source_relative. Files are named by their path from the root, so that
// two files of the same name cannot collide in the registry of protobuf descriptors.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// plugin is one code generator and the parameter it is called with.
type plugin struct {
	command   string
	parameter string
}

func main() {
	root := flag.String("root", ".", "root of the repository")
	goPlugin := flag.String("go", "protoc-gen-go", "path of protoc-gen-go")
	connectPlugin := flag.String("connect", "protoc-gen-connect-go", "path of protoc-gen-connect-go")
	flag.Parse()
	below := flag.Args()
	if len(below) == 0 {
		below = []string{"internal"}
	}
	plugins := []plugin{
		{*goPlugin, "paths=source_relative"},
		// No suffix: clients and handlers stand in the package of their messages.
		{*connectPlugin, "paths=source_relative,package_suffix="},
	}
	if err := run(context.Background(), *root, below, plugins); err != nil {
		fmt.Fprintf(os.Stderr, "protogen: %v\n", err)
		os.Exit(1)
	}
}

// run generates the code of every .proto file below the given paths of root.
func run(ctx context.Context, root string, below []string, plugins []plugin) error {
	files, err := protoFiles(os.DirFS(root), below)
	if err != nil || len(files) == 0 {
		return err
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{root}}),
		SourceInfoMode: protocompile.SourceInfoStandard, // comments become Go doc comments
	}
	compiled, err := compiler.Compile(ctx, files...)
	if err != nil {
		return err
	}
	var all []*descriptorpb.FileDescriptorProto
	seen := map[string]bool{}
	for _, file := range compiled {
		all = appendWithImports(all, seen, file)
	}
	for _, p := range plugins {
		if err := p.generate(ctx, root, files, all); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(p.command), err)
		}
	}
	return nil
}

// protoFiles lists the .proto files below the given paths, sorted. A path that does not exist holds none.
func protoFiles(root fs.FS, below []string) ([]string, error) {
	var files []string
	for _, dir := range below {
		err := fs.WalkDir(root, dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !entry.IsDir() && strings.HasSuffix(path, ".proto") {
				files = append(files, path)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// appendWithImports appends file after all that it imports, which is the order plugins ask for.
func appendWithImports(
	all []*descriptorpb.FileDescriptorProto, seen map[string]bool, file protoreflect.FileDescriptor,
) []*descriptorpb.FileDescriptorProto {
	if seen[file.Path()] {
		return all
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		all = appendWithImports(all, seen, file.Imports().Get(i).FileDescriptor)
	}
	return append(all, protoutil.ProtoFromFileDescriptor(file))
}

// generate runs the plugin and writes what it returns below root.
func (p plugin) generate(ctx context.Context, root string, files []string, all []*descriptorpb.FileDescriptorProto) error {
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: files,
		Parameter:      proto.String(p.parameter),
		ProtoFile:      all,
	})
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, p.command)
	command.Stdin = bytes.NewReader(request)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return fmt.Errorf("unreadable answer: %w", err)
	}
	if response.Error != nil {
		return errors.New(response.GetError())
	}
	for _, file := range response.GetFile() {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(file.GetName())), []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
