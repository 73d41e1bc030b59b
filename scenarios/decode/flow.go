package decode

import (
	"strconv"
	"strings"
)

// String writes the value in YAML's one-line form.
func (n *Node) String() string {
	switch n.Kind {
	case Map:
		pairs := make([]Pair, len(n.Fields))
		for i, f := range n.Fields {
			pairs[i] = Pair{f.Key, f.Value.String()}
		}
		return Flow(pairs)
	case List:
		words := make([]string, len(n.Items))
		for i, item := range n.Items {
			words[i] = item.String()
		}
		return "[" + strings.Join(words, ", ") + "]"
	default:
		return Quote(n.Text)
	}
}

// Quote writes a scalar so that it reads back as the same text anywhere in a line: bare if YAML lets it.
func Quote(text string) string {
	if bare(text) {
		return text
	}
	return inQuotes(text)
}

func bare(text string) bool {
	if text == "" || text == "~" || text == "null" || strings.TrimSpace(text) != text || strings.ContainsAny(text, "`,[]{}\"#\\") {
		return false
	}
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	if strings.ContainsAny(text[:1], "?:-=<&*!|>'%@") && !numeric(text) {
		return false
	}
	return !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") && !strings.HasPrefix(text, "...")
}

// numeric says whether a text that begins with a minus goes on with a digit, which is a plain scalar.
func numeric(text string) bool {
	return len(text) > 1 && text[0] == '-' && text[1] >= '0' && text[1] <= '9'
}

// inQuotes writes a text in double quotes, with the escapes that YAML shares with Go.
func inQuotes(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r == 0x85 || r == 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			h := strconv.FormatInt(int64(r), 16)
			b.WriteString(`\u` + strings.Repeat("0", 4-len(h)) + h)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
