package resp

// parseInline reads a line of words, as people type them. Its strings lie where the line was.
func (r *Reader) parseInline() (whole bool, err error) {
	r.at = r.start
	line, err := r.line("too big inline request")
	if line == nil || err != nil {
		return false, err
	}
	// A word is never longer than it was written, so it may be put in the place of the line.
	for in, out := 0, 0; ; {
		for in < len(line) && isSpace(line[in]) {
			in++
		}
		if in == len(line) {
			return true, nil
		}
		if len(r.strings) == r.limits.Args {
			return false, broken("invalid multibulk length")
		}
		from := out
		in, out, err = unquote(line, in, out)
		if err != nil {
			return false, err
		}
		r.strings = append(r.strings, span{from, out})
	}
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

var errQuotes = &ProtocolError{"unbalanced quotes in request"}

// unquote puts the word that begins at in to where out is, and says where both ended.
func unquote(line []byte, in, out int) (int, int, error) {
	for in < len(line) && !isSpace(line[in]) {
		quote := line[in]
		if quote != '"' && quote != '\'' {
			line[out] = quote
			in, out = in+1, out+1
			continue
		}
		for in++; ; out++ {
			if in == len(line) {
				return in, out, errQuotes
			}
			if line[in] == quote {
				break
			}
			line[out], in = escaped(line, in, quote)
		}
		if in++; in < len(line) && !isSpace(line[in]) {
			return in, out, errQuotes
		}
	}
	return in, out, nil
}

// escaped is the character at in between quotes, and where the next is.
func escaped(line []byte, in int, quote byte) (byte, int) {
	if line[in] != '\\' || in+1 == len(line) {
		return line[in], in + 1
	}
	next := line[in+1]
	if quote == '\'' {
		if next == '\'' {
			return next, in + 2
		}
		return '\\', in + 1
	}
	switch next {
	case 'x':
		if in+3 < len(line) && hex(line[in+2]) >= 0 && hex(line[in+3]) >= 0 {
			return byte(hex(line[in+2])<<4 | hex(line[in+3])), in + 4
		}
	case 'n':
		return '\n', in + 2
	case 'r':
		return '\r', in + 2
	case 't':
		return '\t', in + 2
	case 'b':
		return '\b', in + 2
	case 'a':
		return '\a', in + 2
	}
	return next, in + 2
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
