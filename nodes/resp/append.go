package resp

import "strconv"

// Kind is the byte that a reply begins with.
type Kind byte

// The kinds.
const (
	Simple  Kind = '+'
	Failure Kind = '-'
	Integer Kind = ':'
	Bulk    Kind = '$'
	Array   Kind = '*'
)

// AppendSimple adds a status such as OK. It has no line breaks; any are replaced.
func AppendSimple(dst []byte, text string) []byte { return appendLine(dst, Simple, text) }

// AppendError adds an error, whose first word is its code: "ERR no such thing". It has no line breaks; any are replaced.
func AppendError(dst []byte, text string) []byte { return appendLine(dst, Failure, text) }

func appendLine(dst []byte, kind Kind, text string) []byte {
	dst = append(dst, byte(kind))
	for i := range len(text) {
		c := text[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return append(dst, '\r', '\n')
}

// AppendInt adds a number.
func AppendInt(dst []byte, n int64) []byte { return appendCount(dst, Integer, n) }

func appendCount(dst []byte, kind Kind, n int64) []byte {
	dst = append(dst, byte(kind))
	if 0 <= n && n <= 9 {
		return append(dst, byte('0'+n), '\r', '\n')
	}
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

// AppendBulk adds a string of any bytes.
func AppendBulk[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = appendCount(dst, Bulk, int64(len(s)))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendNull adds the string that is not there.
func AppendNull(dst []byte) []byte { return append(dst, "$-1\r\n"...) }

// AppendArray adds the head of an array; its n elements are to follow.
func AppendArray(dst []byte, n int) []byte { return appendCount(dst, Array, int64(n)) }

// AppendCommand adds a request.
func AppendCommand[S ~string | ~[]byte](dst []byte, args ...S) []byte {
	dst = AppendArray(dst, len(args))
	for _, arg := range args {
		dst = AppendBulk(dst, arg)
	}
	return dst
}
