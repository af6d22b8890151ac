package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 64 << 20

// Reader reads streams of YAML and keeps what they hold. The zero value is ready. An object that was read before, by kind, namespace
// and name, is replaced.
type Reader struct {
	// Namespace is that of objects that stand in one and name none. Empty leaves them without.
	Namespace string

	objects   translate.Objects
	index     map[policy.Ref]int
	documents []Document
	sources   Sources
	problems  Problems
	unread    int
}

// Document is one object of a kind that is read, as it was written.
type Document struct {
	Ref        policy.Ref
	APIVersion string
	// Content is what kubectl would send, in the types of encoding/json, with int64 for whole numbers. It is not to be changed.
	Content map[string]any
	// Replaces is where the object stands that this one replaces; nil for none.
	Replaces *Position

	source source
}

// At is as Sources.At, for this very document.
func (d *Document) At(field string) Position { return d.source.at(field) }

// Result is what was read so far.
type Result struct {
	// Objects hold what could be read of each document, also where it has problems.
	Objects translate.Objects
	// Documents in the order in which they were read, those that were replaced included.
	Documents []Document
	Sources   Sources
	// Problems in the order of their positions.
	Problems Problems
	// Unread is the number of documents that hold something and gave no object, because of their problems.
	Unread int
}

// Result gives what was read so far.
func (r *Reader) Result() Result {
	r.problems.sort()
	return Result{Objects: r.objects, Documents: r.documents, Sources: r.sources, Problems: slices.Clone(r.problems), Unread: r.unread}
}

// Read reads one stream; file is its name in positions. The error is that of the stream, if it could not be read to its end; what
// is wrong with its content becomes problems.
func (r *Reader) Read(file string, in io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxFile {
		r.hopeless(Problem{Position: Position{File: file}, Message: fmt.Sprintf("is larger than %d MiB", maxFile>>20)})
		return nil
	}
	if line, column, wrong := unreadable(text); wrong != "" {
		r.hopeless(Problem{Position: Position{file, line, column}, Message: wrong})
		return nil
	}
	expanded := 0
	for _, c := range split(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		r.chunk(file, c, &expanded)
	}
	return nil
}

// ReadFile reads one file of a file system.
func (r *Reader) ReadFile(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return r.Read(name, f)
}

func (r *Reader) chunk(file string, c chunk, expanded *int) {
	loader, err := yaml.NewLoader(bytes.NewReader(c.text))
	for err == nil {
		var n yaml.Node
		if err = loader.Load(&n); err == nil && len(n.Content) == 1 {
			r.document(source{file: file, before: c.before, node: n.Content[0]}, expanded)
		}
	}
	if !errors.Is(err, io.EOF) {
		r.hopeless(broken(file, c, err))
	}
}

// hopeless takes the problem of something that gives no object.
func (r *Reader) hopeless(p Problem) {
	r.problems = append(r.problems, p)
	r.unread++
}

// broken tells where YAML is no YAML.
func broken(file string, c chunk, err error) Problem {
	p := Problem{Position: Position{file, c.before + 1, 1}, Message: "is no YAML: " + err.Error()}
	var wrong *yaml.LoadError
	if !errors.As(err, &wrong) {
		return p
	}
	p.Message = "is no YAML: " + wrong.Message
	if at := wrong.Mark; at.Line > 0 {
		p.Position = Position{file, c.before + at.Line, at.Column}
	}
	if wrong.ContextMsg != "" && wrong.ContextMark.Line > 0 {
		p.Message += fmt.Sprintf(", %s from line %d on", wrong.ContextMsg, c.before+wrong.ContextMark.Line)
	}
	return p
}

// ReadFiles reads files in their order and gives the objects of all that was read. The error are Problems where files could be read.
func (r *Reader) ReadFiles(fsys fs.FS, names ...string) (translate.Objects, error) {
	for _, name := range names {
		if err := r.ReadFile(fsys, name); err != nil {
			return r.objects, err
		}
	}
	return r.objects, r.Result().Problems.Err()
}

// Read adds the objects of one stream. The error are Problems where the stream could be read. It does not replace what was there
// before; a Reader does.
func Read(o *translate.Objects, in io.Reader) error {
	r := Reader{objects: *o}
	err := r.Read("-", in)
	*o = r.objects
	if err != nil {
		return err
	}
	return r.Result().Problems.Err()
}

// ReadFiles reads files in their order. A file may hold several documents. The error are Problems where files could be read.
func ReadFiles(fsys fs.FS, names ...string) (translate.Objects, error) {
	return new(Reader).ReadFiles(fsys, names...)
}

// ReadFolder reads every file that Files names.
func ReadFolder(fsys fs.FS, root string) (translate.Objects, error) {
	names, err := Files(fsys, root)
	if err != nil {
		return translate.Objects{}, err
	}
	return ReadFiles(fsys, names...)
}

// Files gives the names of every .yaml and .yml file below a folder, in their order. Files and folders whose name begins with a dot
// are left out: they belong to editors and other programs. So is kustomization.yaml, which says what to read and holds no object.
func Files(fsys fs.FS, root string) ([]string, error) {
	var names []string
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		base, ext := path.Base(name), path.Ext(name)
		hidden := name != root && strings.HasPrefix(base, ".")
		switch {
		case err != nil:
			return err
		case d.IsDir() && hidden:
			return fs.SkipDir
		case !d.IsDir() && !hidden && (ext == ".yaml" || ext == ".yml") && strings.TrimSuffix(base, ext) != "kustomization":
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}
