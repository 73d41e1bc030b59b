package primary

import (
	"encoding/binary"
	"errors"
	"strings"
)

// errWire tells of bytes that no version of this package has written, in a journal or from another server.
var errWire = errors.New("primary: not a message of this protocol, or a damaged one")

func putNumbers(b []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func putBytes[S ~string | ~[]byte](b []byte, s S) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func putFlags(b []byte, flags ...bool) []byte {
	var all byte
	for i, is := range flags {
		if is {
			all |= 1 << i
		}
	}
	return append(b, all)
}

// wire reads the parts of a message one after the other. After the first that is not there, all are empty and bad is true.
type wire struct {
	rest []byte
	bad  bool
}

func (w *wire) number() uint64 {
	n, size := binary.Uvarint(w.rest)
	if size <= 0 || w.bad {
		w.bad, w.rest = true, nil
		return 0
	}
	w.rest = w.rest[size:]
	return n
}

// bytes is a string that lies in the message's memory.
func (w *wire) bytes() []byte {
	n := w.number()
	if n > uint64(len(w.rest)) {
		w.bad, w.rest = true, nil
		return nil
	}
	b := w.rest[:n:n]
	w.rest = w.rest[n:]
	return b
}

// text is a string of at most 512 bytes: a name, an address.
func (w *wire) text() string {
	b := w.bytes()
	if len(b) > 512 {
		w.bad = true
		return ""
	}
	return string(b)
}

func (w *wire) flags(all ...*bool) {
	if len(w.rest) == 0 || w.rest[0]>>len(all) != 0 {
		w.bad, w.rest = true, nil
		return
	}
	for i, flag := range all {
		*flag = w.rest[0]>>i&1 == 1
	}
	w.rest = w.rest[1:]
}

// end says whether all was there, and nothing more.
func (w *wire) end() error {
	if w.bad || len(w.rest) > 0 {
		return errWire
	}
	return nil
}

func equal(word, name string) bool { return strings.EqualFold(word, name) }
