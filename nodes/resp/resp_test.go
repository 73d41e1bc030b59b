package resp

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// requests reads all requests of a stream.
func requests(from io.Reader, limits Limits) (all [][]string, err error) {
	r := NewReader(from, limits)
	for {
		args, err := r.ReadCommand()
		if err != nil {
			return all, err
		}
		var words []string
		for _, arg := range args {
			words = append(words, string(arg))
		}
		all = append(all, words)
	}
}

// If this failed, what a client asks for would not be what its server does, depending on how the network cuts it.
func TestRequestsArriveAsTheyWereSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("a \r\n$*\"'\\\x00é")), 0, 12, -1)
		sent := rapid.SliceOfN(rapid.SliceOfN(word, 1, 6), 0, 8).Draw(t, "requests")
		if rapid.Bool().Draw(t, "large") {
			sent = append(sent, []string{"SET", strings.Repeat("x", rapid.IntRange(4000, 70_000).Draw(t, "size"))}, []string{"GET"})
		}
		var stream []byte
		for _, words := range sent {
			stream = AppendCommand(stream, words...)
		}
		for _, from := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)),
			iotest.DataErrReader(bytes.NewReader(stream))} {
			got, err := requests(from, Limits{})
			require.Equal(t, io.EOF, err)
			require.Equal(t, len(sent), len(got))
			for i := range sent {
				require.Equal(t, sent[i], got[i])
			}
		}
	})
}

// If this failed, redis-cli's users, and those of telnet, would be misunderstood.
func TestPeopleTypeInline(t *testing.T) {
	for line, words := range map[string][]string{
		"PING\r\n": {"PING"}, "  set  a\tb \n": {"set", "a", "b"},
		`set "a b" 'c\'d'` + "\r\n":            {"set", "a b", "c'd"},
		`echo "\x41\n\"\\ \q"` + "\r\n":        {"echo", "A\n\"\\ q"},
		`echo 'a\nb' ""` + "\n":                {"echo", `a\nb`, ""},
		"\r\n\r\n*0\r\n*-1\r\nPING\r\n":        {"PING"},
		"*1\r\n$4\r\nPING\r\n":                 {"PING"},
		`a"b"` + "\n":                          {"ab"},
		"*2\r\n$0\r\n\r\n$3\r\na\r\n\r\n" + "": {"", "a\r\n"},
	} {
		got, err := requests(strings.NewReader(line), Limits{})
		require.Equal(t, io.EOF, err, "%q", line)
		require.Equal(t, [][]string{words}, got, "%q", line)
	}
}

// If this failed, clients that know Redis's errors would not know these.
func TestWhatIsNotTheProtocolIsSaidAsRedisSaysIt(t *testing.T) {
	small := Limits{Bulk: 10, Args: 3, Inline: 20, Request: 16}
	for stream, problem := range map[string]string{
		"*x\r\n":                            "invalid multibulk length",
		"*4\r\n":                            "invalid multibulk length",
		"*01\r\n":                           "invalid multibulk length",
		"*1\r\n+OK\r\n":                     "expected '$', got '+'",
		"*1\r\n\x01":                        "expected '$', got '?'",
		"*1\r\n$-1\r\n":                     "invalid bulk length",
		"*1\r\n$11\r\n":                     "invalid bulk length",
		"*1\r\n$1\r\nabc":                   "a string is not as long as it says",
		"*2\r\n$9\r\n123456789\r\n$9\r\n":   "too big request",
		strings.Repeat("x", 30):             "too big inline request",
		"*" + strings.Repeat("1", 30):       "too big mbulk count string",
		"*1\r\n$" + strings.Repeat("1", 30): "too big bulk count string",
		"set \"a\r\n":                       "unbalanced quotes in request",
		"set \"a\"b\r\n":                    "unbalanced quotes in request",
		"a b c d\r\n":                       "invalid multibulk length",
	} {
		_, err := requests(strings.NewReader(stream), small)
		var e *ProtocolError
		require.ErrorAs(t, err, &e, "%q", stream)
		require.Equal(t, "Protocol error: "+problem, e.Error(), "%q", stream)
	}
	_, err := requests(strings.NewReader("*1\r\n$4\r\nPI"), Limits{})
	require.Equal(t, io.ErrUnexpectedEOF, err)
}

// If this failed, a peer could take a server's memory by what it announces.
func TestMemoryIsTakenForWhatHasCome(t *testing.T) {
	r := NewReader(strings.NewReader("*1000000\r\n$16000000\r\nx"), Limits{})
	_, err := r.ReadCommand()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.LessOrEqual(t, len(r.buf), smallBuffer)
	r = NewReader(strings.NewReader("*1000000\r\n*1000000\r\n"), Limits{})
	_, err = r.ReadReply()
	require.Equal(t, io.ErrUnexpectedEOF, err)

	large := AppendCommand(nil, "SET", strings.Repeat("x", 1<<20))
	r = NewReader(bytes.NewReader(append(large, AppendCommand(nil, "GET", "x")...)), Limits{})
	for range 2 {
		_, err := r.ReadCommand()
		require.NoError(t, err)
	}
	_, err = r.ReadCommand()
	require.Equal(t, io.EOF, err)
	require.LessOrEqual(t, len(r.buf), keptBuffer, "a large request's memory is given back")
}

// replies draws what a server may answer.
func replies(depth int) *rapid.Generator[Value] {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab $*é")), 0, 8, -1)
	return rapid.Custom(func(t *rapid.T) Value {
		most := 5
		if depth == 0 {
			most = 4
		}
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return Value{}
		case 1:
			return Value{Kind: Simple, Text: []byte(text.Draw(t, "text"))}
		case 2:
			return Value{Kind: Failure, Text: []byte(text.Draw(t, "text"))}
		case 3:
			return Value{Kind: Integer, Int: rapid.Int64().Draw(t, "int")}
		case 4:
			return Value{Kind: Bulk, Text: []byte(text.Draw(t, "text") + "\r\n")}
		default:
			return Value{Kind: Array, Array: rapid.SliceOfN(replies(depth-1), 0, 4).Draw(t, "array")}
		}
	})
}

// If this failed, a client would take an answer for another.
func TestRepliesArriveAsTheyWereSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(replies(3), 0, 6).Draw(t, "replies")
		var stream []byte
		for i := range sent {
			stream = sent[i].Append(stream)
		}
		r := NewReader(iotest.OneByteReader(bytes.NewReader(stream)), Limits{})
		for i := range sent {
			got, err := r.ReadReply()
			require.NoError(t, err)
			require.Equal(t, sent[i].String(), got.String())
		}
		_, err := r.ReadReply()
		require.Equal(t, io.EOF, err)
	})
}

// If this failed, a server could hold a client up, or fill it.
func TestRepliesThatAreNoneEndTheStream(t *testing.T) {
	small := Limits{Bulk: 10, Args: 3, Inline: 20, Request: 400, Depth: 2}
	for _, stream := range []string{"hello\r\n", "\r\n", ":x\r\n", "$11\r\n", "$-2\r\n", "*4\r\n", "*1\r\n*1\r\n*1\r\n:1\r\n",
		"$1\r\nabc", strings.Repeat("+", 40), strings.Repeat("*3\r\n:1\r\n:1\r\n", 2) + ":1\r\n:1\r\n*2\r\n:1\r\n:1\r\n"} {
		_, err := NewReader(strings.NewReader(stream), small).ReadReply()
		require.ErrorAs(t, err, new(*ProtocolError), "%q", stream)
	}
}

// If this failed, an error's code would not be understood.
func TestErrorsHaveCodes(t *testing.T) {
	v, err := NewReader(bytes.NewReader(AppendError(nil, "MOVED 866 b:6379\r\n")), Limits{}).ReadReply()
	require.NoError(t, err)
	var e Error
	require.ErrorAs(t, v.Err(), &e)
	require.Equal(t, "MOVED", e.Code())
	require.Equal(t, "866 b:6379  ", e.Rest())
}

// If this failed, a number would be read that Redis refuses, or refused though it is one.
func TestNumbersAreReadAsRedisReadsThem(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-1": -1, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63} {
		n, ok := ParseInt([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, n)
	}
	for _, text := range []string{"", "-", "+1", " 1", "01", "-0", "1x", "9223372036854775808", "-9223372036854775809",
		"0000000000000000001", "99999999999999999999999"} {
		_, ok := ParseInt([]byte(text))
		require.False(t, ok, text)
	}
}

// Whatever comes, a Reader ends with an error, and what it understood is understood again when it is sent again.
func FuzzReadCommand(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n"))
	f.Add([]byte("set \"a\\x00\" 'b'\r\n*1\r\n$99999999\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, err := requests(bytes.NewReader(stream), Limits{})
		require.Error(t, err)
		slowly, again := requests(iotest.OneByteReader(bytes.NewReader(stream)), Limits{})
		require.Equal(t, got, slowly)
		require.Equal(t, err, again)
		var sent []byte
		for _, words := range got {
			sent = AppendCommand(sent, words...)
		}
		twice, err := requests(bytes.NewReader(sent), Limits{})
		require.Equal(t, io.EOF, err)
		require.Equal(t, got, twice)
	})
}

// Whatever comes, a reply is understood or is an error, and is the same when it is sent again.
func FuzzReadReply(f *testing.F) {
	f.Add([]byte("*2\r\n$-1\r\n*1\r\n:1\r\n-ERR no\r\n+OK\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream), Limits{})
		for {
			v, err := r.ReadReply()
			if err != nil {
				return
			}
			again, err := NewReader(bytes.NewReader(v.Append(nil)), Limits{}).ReadReply()
			require.NoError(t, err)
			require.Equal(t, v.Append(nil), again.Append(nil))
		}
	})
}

// endless gives the same bytes again and again.
type endless struct {
	bytes []byte
	at    int
}

func (e *endless) Read(to []byte) (int, error) {
	n := 0
	for n < len(to) {
		m := copy(to[n:], e.bytes[e.at:])
		n, e.at = n+m, (e.at+m)%len(e.bytes)
	}
	return n, nil
}

func BenchmarkReadCommand(b *testing.B) {
	r := NewReader(&endless{bytes: AppendCommand(nil, "SET", "key:000000000001", "a value of some length")}, Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.ReadCommand(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadReply(b *testing.B) {
	r := NewReader(&endless{bytes: AppendBulk(nil, "a value of some length")}, Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.ReadReply(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendBulk(b *testing.B) {
	value, out := []byte("a value of some length"), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendBulk(out[:0], value)
	}
}
