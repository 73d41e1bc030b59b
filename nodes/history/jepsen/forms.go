package jepsen

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// Notation is how a file writes what stands in it.
type Notation string

// The notations.
const (
	ByContent Notation = "" // whichever the file begins like
	JSON      Notation = "json"
	EDN       Notation = "edn"
)

// forms takes a file apart into its operations, which stand one after another or in one list, without ever
// holding more than one.
type forms struct {
	in    io.Reader
	edn   bool
	most  int    // bytes of one operation
	buf   []byte // read and not yet given out, from pos on
	pos   int
	line  int  // of pos, from 1
	ended bool // the reader has no more

	opener byte // of the list that the operations stand in: 0 before it, ] or ) within, | after it
	alone  bool // they stand in none
}

// form is one operation as it is written, and where.
type form struct {
	text []byte // good until the next one
	line int
}

// firstRead is how much is looked at to tell the notation.
const firstRead = 1 << 16

// byteOrder is the mark with which some editors begin a text. It says nothing.
const byteOrder = "\ufeff"

func newForms(in io.Reader, notation Notation, most int) (*forms, error) {
	marked := bufio.NewReader(in)
	if mark, _ := marked.Peek(len(byteOrder)); string(mark) == byteOrder {
		_, _ = marked.Discard(len(byteOrder))
	}
	f := &forms{in: marked, most: most, line: 1, edn: notation == EDN}
	for known := notation != ByContent; !known && !f.ended && len(f.buf) < firstRead; {
		if err := f.more(); err != nil {
			return nil, err
		}
		f.edn, known = looksLikeEDN(f.buf)
	}
	return f, nil
}

// looksLikeEDN says whether what a file begins with is no JSON: a map whose first key is no string, a comment, a tag. It
// does not know where nothing but space and brackets has come yet.
func looksLikeEDN(begin []byte) (edn, known bool) {
	for rest := begin; ; {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 {
			return false, false
		}
		switch rest[0] {
		case '[', '{':
			rest = rest[1:]
		case '"', '}', ']':
			return false, true
		default:
			return true, true
		}
	}
}

// more reads on. What was given out is forgotten.
func (f *forms) more() error {
	if f.pos > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.pos:])]
		f.pos = 0
	}
	if len(f.buf) == cap(f.buf) {
		f.buf = append(make([]byte, 0, max(firstRead, 2*cap(f.buf))), f.buf...)
	}
	for range 100 {
		n, err := f.in.Read(f.buf[len(f.buf):cap(f.buf)])
		f.buf = f.buf[:len(f.buf)+n]
		switch {
		case err == io.EOF:
			f.ended = true
			return nil
		case err != nil:
			return err
		case n > 0:
			return nil
		}
	}
	return io.ErrNoProgress
}

// next is the next operation; io.EOF after the last.
func (f *forms) next() (form, error) {
	for {
		if f.pos == len(f.buf) {
			if f.ended {
				return form{}, f.end()
			}
			if err := f.more(); err != nil {
				return form{}, err
			}
			continue
		}
		switch c := f.buf[f.pos]; {
		case c == '\n':
			f.line++
			f.pos++
		case c == ' ' || c == '\t' || c == '\r' || c == ',' && (f.edn || f.opener == ']'):
			f.pos++
		case c == ';' && f.edn:
			if err := f.skipComment(); err != nil {
				return form{}, err
			}
		case c == '[' && f.opener == 0 && !f.alone:
			f.opener = ']'
			f.pos++
		case c == '(' && f.edn && f.opener == 0 && !f.alone:
			f.opener = ')'
			f.pos++
		case c == f.opener && c != '|':
			f.opener = '|'
			f.pos++
		case f.opener == '|':
			return form{}, f.wrong("something follows the end of the list of operations")
		case c == '{' || c == '#' && f.edn:
			f.alone = f.opener == 0
			return f.cut()
		default:
			return form{}, f.wrong("an operation is a map in braces, and here stands %s", sample(f.buf[f.pos:]))
		}
	}
}

func (f *forms) end() error {
	if f.opener != 0 && f.opener != '|' {
		return f.wrong("the file ends within the list of operations")
	}
	return io.EOF
}

func (f *forms) skipComment() error {
	for {
		if at := bytes.IndexByte(f.buf[f.pos:], '\n'); at >= 0 {
			f.pos += at
			return nil
		}
		f.pos = len(f.buf)
		if f.ended {
			return nil
		}
		if err := f.more(); err != nil {
			return err
		}
	}
}

// cut finds where the form that begins here ends: where the brackets that it opens are closed.
func (f *forms) cut() (form, error) {
	var inside extent
	begin := f.line
	for at := 0; ; at++ { // relative to pos, as more moves all
		for at == len(f.buf)-f.pos {
			switch {
			case f.ended:
				return form{}, &Error{Line: begin, Text: "the file ends within the operation that begins here"}
			case at >= f.most:
				return form{}, &Error{Line: begin, Text: fmt.Sprintf("the operation that begins here has more than %d bytes", f.most)}
			}
			if err := f.more(); err != nil {
				return form{}, err
			}
		}
		c := f.buf[f.pos+at]
		if c == '\n' {
			f.line++
		}
		if inside.over(c, f.edn) {
			text := f.buf[f.pos : f.pos+at+1]
			f.pos += at + 1
			return form{text, begin}, nil
		}
	}
}

// extent follows a form to the bracket that closes it.
type extent struct {
	depth             int
	quoted, commented bool
	skip              bool // the next byte means nothing: it is escaped
}

// over takes in a byte and says whether the form ends with it.
func (e *extent) over(c byte, edn bool) bool {
	switch {
	case e.skip:
		e.skip = false
	case e.commented:
		e.commented = c != '\n'
	case c == '\\':
		e.skip = e.quoted || edn
	case c == '"':
		e.quoted = !e.quoted
	case e.quoted:
	case c == ';' && edn:
		e.commented = true
	case c == '{' || c == '[' || c == '(':
		e.depth++
	case c == '}' || c == ']' || c == ')':
		e.depth--
		return e.depth <= 0
	}
	return false
}

func (f *forms) wrong(format string, args ...any) error {
	return &Error{Line: f.line, Text: fmt.Sprintf(format, args...)}
}

// sample is the first word of a text, for a message.
func sample(text []byte) string {
	const most = 20
	if end := bytes.IndexAny(text, " \t\r\n,{}[]()"); end >= 0 {
		text = text[:max(end, 1)]
	}
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
