package wire

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// layout is how the fields of a message lie, one after the other. It is written as words: a digit is a field of so many
// bytes, s a string, b bytes (either may be null), * before a word an array of such, and what stands in brackets an array of structs.
// Before any of these, 3+ says from which version on there is such a field, and 2-4: in which versions.
//
// From a version that each message has of its own (kmsg knows it) lengths are varints and each struct ends in tagged fields: such a
// message is called flexible.
type layout []field

type field struct {
	least, most int16
	size        int // of a field of a fixed size, else 0
	sort        byte
	array       bool
	inner       layout // of a struct
}

// parseLayout panics over what is no layout: they are constants of this package.
func parseLayout(text string) layout {
	l, rest := parseFields(strings.Fields(strings.NewReplacer("[", " [ ", "]", " ] ").Replace(text)))
	if len(rest) > 0 {
		panic(fmt.Sprintf("wire: layout %q", text))
	}
	return l
}

func parseFields(words []string) (l layout, rest []string) {
	for len(words) > 0 && words[0] != "]" {
		f := field{most: 127}
		var word string
		word, words = words[0], words[1:]
		word = f.parseVersions(word)
		if word == "" { // the brackets that follow are a word of their own
			word, words = words[0], words[1:]
		}
		word, f.array = strings.CutPrefix(word, "*")
		switch {
		case word == "[":
			f.sort, f.array = '[', true
			f.inner, words = parseFields(words)
			words = words[1:]
		case word == "s" || word == "b":
			f.sort = word[0]
		default:
			n, err := strconv.Atoi(word)
			if err != nil {
				panic(fmt.Sprintf("wire: layout word %q", word))
			}
			f.size = n
		}
		l = append(l, f)
	}
	return l, words
}

// parseVersions takes 3+ or 2-4: from a word.
func (f *field) parseVersions(word string) string {
	number := func(text string) int16 {
		n, err := strconv.Atoi(text)
		if err != nil {
			panic(fmt.Sprintf("wire: layout version %q", word))
		}
		return int16(n)
	}
	if versions, rest, ok := strings.Cut(word, ":"); ok {
		least, most, _ := strings.Cut(versions, "-")
		f.least, f.most = number(least), number(most)
		return rest
	}
	if least, rest, ok := strings.Cut(word, "+"); ok {
		f.least = number(least)
		return rest
	}
	return word
}

// walker goes over a message without making anything of it.
type walker struct {
	b        []byte
	version  int16
	flexible bool
	bad      bool
}

// fits says whether b is, from its first byte to its last, a message of that layout.
func (l layout) fits(b []byte, version int16, flexible bool) bool {
	w := walker{b: b, version: version, flexible: flexible}
	w.fields(l)
	return !w.bad && len(w.b) == 0
}

func (w *walker) fields(l layout) {
	for i := range l {
		f := &l[i]
		if w.version < f.least || w.version > f.most {
			continue
		}
		n := 1
		if f.array {
			n = w.count()
		}
		if f.size > 0 {
			w.skip(n * f.size)
			continue
		}
		for ; n > 0 && !w.bad; n-- {
			w.field(f)
		}
	}
	if w.flexible {
		w.tags()
	}
}

func (w *walker) field(f *field) {
	switch {
	case f.sort == '[':
		w.fields(f.inner)
	case f.sort == 's' && !w.flexible:
		w.skip(max(0, int(int16(w.fixed(2)))))
	default:
		w.skip(w.count())
	}
}

// count is the length of bytes, of an array, or of a string in a flexible message; 0 where it is null. It is never more than the
// bytes that follow.
func (w *walker) count() int {
	n := 0
	if w.flexible {
		n = int(w.uvarint()) - 1
	} else {
		n = int(int32(w.fixed(4)))
	}
	if n > len(w.b) {
		w.bad = true
	}
	if w.bad || n < 0 {
		return 0
	}
	return n
}

// tags are a count, and for each its number, its size, and so many bytes.
func (w *walker) tags() {
	for n := w.uvarint(); n > 0 && !w.bad; n-- {
		w.uvarint()
		w.skip(int(w.uvarint()))
	}
}

func (w *walker) skip(n int) {
	if n < 0 || n > len(w.b) {
		w.bad, w.b = true, nil
		return
	}
	w.b = w.b[n:]
}

func (w *walker) fixed(size int) uint32 {
	if len(w.b) < size {
		w.bad, w.b = true, nil
		return 0
	}
	head := w.b[:size]
	w.b = w.b[size:]
	if size == 2 {
		return uint32(binary.BigEndian.Uint16(head))
	}
	return binary.BigEndian.Uint32(head)
}

func (w *walker) uvarint() uint32 {
	n, used := binary.Uvarint(w.b)
	if used <= 0 || used > 5 || n > 1<<32-1 {
		w.bad, w.b = true, nil
		return 0
	}
	w.b = w.b[used:]
	return uint32(n)
}
