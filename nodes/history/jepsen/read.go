package jepsen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"simrun/nodes/history"
)

// Options say how a file is to be read. The zero reads either notation.
type Options struct {
	Name     string   // of the file, for errors
	Notation Notation // ByContent finds out
	// Epsilon is how far the clocks that the times are from may be off each other. Each operation then counts as
	// begun so much earlier and ended so much later, which accuses nobody wrongly. A file may ask for more.
	Epsilon time.Duration
	// Keyed says that a value of Jepsen's is a pair of a key and the value proper, as its independent tests have it.
	Keyed      bool
	Bytes      int // the longest operation; 0 means 64 MiB
	Operations int // the most of them; 0 means 10,000,000
}

// The limits of Options that say none.
const (
	mostBytes      = 64 << 20
	mostOperations = 10_000_000
)

// Error is what is wrong with a file, and in which line.
type Error struct {
	Name string
	Line int
	Text string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d: %s", cmp.Or(e.Name, "history"), e.Line, e.Text)
}

// Recording is a history that was read, and where its operations stand.
type Recording struct {
	*history.History
	places []Place // by ID
}

// Place is where an operation was invoked: the line of the file, and the index that the file gives it or, if it gives
// none, its number among the lines, from 0.
type Place struct {
	ID    uint64
	Line  int
	Index int
}

// Place finds an operation.
func (r *Recording) Place(id uint64) (Place, bool) {
	i, found := slices.BinarySearchFunc(r.places, id, func(p Place, id uint64) int { return cmp.Compare(p.ID, id) })
	if !found {
		return Place{}, false
	}
	return r.places[i], true
}

// NotationOf is the notation that the name of a file tells by its ending, if it does.
func NotationOf(name string) Notation {
	switch path.Ext(name) {
	case ".edn":
		return EDN
	case ".json", ".jsonl":
		return JSON
	default:
		return ByContent
	}
}

// Read reads a history. Any error that is not the reader's own is an *Error.
//
// Operations with ids are those of this project, and their times count, since several hosts may have written them down.
// Operations without are Jepsen's: a process does one thing at a time, a completion belongs to what its process is
// at, and one that never comes leaves it unknown. One observer saw them all, so the order of the lines counts: a
// time that is not later than the line before is taken for a nanosecond later, and files without times do. Their ids are
// the places of their invocations among the lines, from 1.
func Read(in io.Reader, options Options) (*Recording, error) {
	if options.Bytes == 0 {
		options.Bytes = mostBytes
	}
	if options.Operations == 0 {
		options.Operations = mostOperations
	}
	recording, err := read(in, options)
	if broken := (*Error)(nil); errors.As(err, &broken) {
		broken.Name = options.Name
	}
	return recording, err
}

func read(in io.Reader, options Options) (*Recording, error) {
	f, err := newForms(in, options.Notation, options.Bytes)
	if err != nil {
		return nil, err
	}
	p := &parser{edn: f.edn, words: map[string]string{}}
	r := newReading(options)
	for {
		text, err := f.next()
		if err == io.EOF {
			return r.finish()
		}
		if err != nil {
			return nil, err
		}
		p.text, p.pos = text.text, 0
		e, err := p.entry()
		if err == errNothing {
			continue
		}
		if err != nil {
			line := text.line
			if at := (*syntaxError)(nil); errors.As(err, &at) {
				line += bytes.Count(text.text[:min(at.pos, len(text.text))], []byte("\n"))
			}
			return nil, &Error{Line: line, Text: err.Error()}
		}
		e.line = text.line
		if err := r.take(&e); err != nil {
			return nil, &Error{Line: text.line, Text: err.Error()}
		}
	}
}
