package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"simrun/scenarios/decode"
)

// library holds the scenarios that are built in, and what they include.
//
//go:embed *.yaml common/*.yaml
var library embed.FS

var bareName = regexp.MustCompile(`^[a-z0-9-]+$`)

// Names are the scenarios that are built in, sorted.
func Names() []string {
	entries, err := library.ReadDir(".")
	if err != nil {
		panic("scenarios: the embedded library cannot be listed: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	return names
}

// text is a file and where its includes are looked for.
type text struct {
	name    string // as problems call it
	data    []byte
	builtIn bool
}

// open reads a scenario: a bare name is built in, anything else is a path.
func open(name string) (text, *decode.Problem) {
	if !bareName.MatchString(name) {
		return readFile(name)
	}
	data, err := library.ReadFile(name + ".yaml")
	if err != nil {
		return text{}, &decode.Problem{File: name, What: fmt.Sprintf("no built-in scenario %q", name),
			Hint: hintOrPath(name)}
	}
	return text{name + ".yaml", data, true}, nil
}

func hintOrPath(name string) string {
	if _, err := os.Stat(name + ".yaml"); err == nil {
		return fmt.Sprintf(`did you mean the file "%s.yaml"?`, name)
	}
	return decode.Suggest(name, Names())
}

// include reads a file that another one names: beside it, else from the library.
func (t text) include(name string) (text, *decode.Problem) {
	if !t.builtIn {
		inc, problem := readFile(filepath.Join(filepath.Dir(t.name), filepath.FromSlash(name)))
		if problem == nil || !strings.HasSuffix(problem.What, "no such file") {
			return inc, problem
		}
		if data, err := library.ReadFile(path.Clean(name)); err == nil {
			return text{path.Clean(name), data, true}, nil
		}
		return text{}, problem
	}
	data, err := library.ReadFile(path.Clean(name))
	if err != nil {
		return text{}, &decode.Problem{File: name, What: "no such file"}
	}
	return text{path.Clean(name), data, true}, nil
}

func readFile(name string) (text, *decode.Problem) {
	data, err := readRegular(name)
	if err == nil {
		return text{name: name, data: data}, nil
	}
	what := err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		what = "no such file"
	}
	return text{}, &decode.Problem{File: name, What: what}
}

// readRegular reads a regular file, and no more of it than a scenario may be long.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("this is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, decode.MaxSize+1))
}
