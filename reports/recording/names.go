package recording

import (
	"bytes"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"simrun/nodes/history"
)

// names are the values in operations by which messages about them can be told from others: for each operation those that no
// other has, such as a handle; else those that few messages have, such as a key.
func (r *Recording) names(family []*history.Operation) (names []string) {
	uses, counts := r.uses(family), map[string]int{}
	for i := range r.Messages {
		for name := range uses {
			if mentions(r.Messages[i].Data, name) {
				counts[name]++
			}
		}
	}
	common := max(40, len(r.Messages)/50)
	for _, o := range family {
		own := map[string]bool{}
		eachAttr(o, func(a slog.Attr) {
			if v := a.Value.String(); counts[v] > 0 {
				own[v] = true
			}
		})
		for _, fits := range []func(name string) bool{
			func(name string) bool { return uses[name] == 0 && !vague(name) },
			func(name string) bool { return counts[name] <= common && !vague(name) },
			func(name string) bool { return uses[name] == 0 },
			func(name string) bool { return !vague(name) },
			func(string) bool { return true },
		} {
			before := len(names)
			for _, name := range slices.Sorted(maps.Keys(own)) {
				if fits(name) {
					names = append(names, name)
				}
			}
			if len(names) > before {
				break
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// uses are the values that operations of the family have, and how many other operations have each.
func (r *Recording) uses(family []*history.Operation) map[string]int {
	uses := map[string]int{}
	own := map[*history.Operation]bool{}
	for _, o := range family {
		own[o] = true
		eachAttr(o, func(a slog.Attr) {
			if v := a.Value.String(); v != "" && len(v) <= 200 && r.hosts[v] == nil && a.Value.Kind() != slog.KindBool {
				uses[v] = 0
			}
		})
	}
	for _, o := range r.History.Operations {
		if !own[o] {
			eachAttr(o, func(a slog.Attr) {
				if n, known := uses[a.Value.String()]; known {
					uses[a.Value.String()] = n + 1
				}
			})
		}
	}
	return uses
}

// mentions says whether bytes hold a name, and not only as a part of a longer one.
func mentions(data []byte, name string) bool {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(name))
		if i < 0 {
			return false
		}
		i += at
		end := i + len(name)
		if (i == 0 || !joined(data[i-1], name[0])) && (end == len(data) || !joined(name[len(name)-1], data[end])) {
			return true
		}
		at = i + 1
	}
}

// joined says that two bytes beside each other are of one word: digits of one number, letters of one name.
func joined(a, b byte) bool { return digit(a) && digit(b) || letter(a) && letter(b) }

func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// vague says that a text may be anything: a short word, or a small number.
func vague(name string) bool {
	return len(name) < 4 || len(name) < 6 && strings.Trim(name, "0123456789") == ""
}
