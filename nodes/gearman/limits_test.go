package gearman

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/serve"
)

// If this failed, a stranger could make the server hold memory, or say things, without end.
func TestEverythingAPeerCanGrowHasALimit(t *testing.T) {
	t.Run("functions of one worker", func(t *testing.T) {
		r := start(t, func(c *ServerConfig) { c.MaxAbilities = 100 })
		w := r.dial()
		for n := range 200 {
			w.ask(CanDo, fmt.Sprint("f", n))
		}
		require.Len(t, w.settle(), 100)
	})
	t.Run("functions of the server", func(t *testing.T) {
		r := start(t, func(c *ServerConfig) { c.MaxFunctions = 10 })
		c := r.dial()
		for n := range 10 {
			c.ask(SubmitJob, fmt.Sprint("f", n), "", "")
			c.hear(JobCreated)
		}
		c.ask(SubmitJobBG, "one\tmore", "", "")
		c.hear(Error)
		c.ask(SubmitJobBG, "onemore", "", "")
		require.Equal(t, []string{"QUEUE_ERROR", "Too many functions"}, c.hear(Error))
		c.Close()
		r.quiesce(0)
		// Nobody needs the functions any more, so they make room.
		c = r.dial()
		c.ask(SubmitJobBG, "onemore", "", "")
		c.hear(JobCreated)
	})
	t.Run("jobs of one function", func(t *testing.T) {
		r := start(t, func(c *ServerConfig) { c.MaxQueue = 2 })
		c := r.dial()
		c.ask(SubmitJobBG, "f", "", "1")
		c.ask(SubmitJobBG, "f", "", "2")
		c.ask(SubmitJobBG, "f", "", "3")
		c.ask(SubmitJobBG, "g", "", "4")
		c.hear(JobCreated)
		c.hear(JobCreated)
		require.Equal(t, []string{"QUEUE_ERROR", "Job queue is full"}, c.hear(Error))
		c.hear(JobCreated)
	})
	t.Run("bytes of all jobs", func(t *testing.T) {
		r := start(t, func(c *ServerConfig) { c.MaxStored = 10 << 10; c.Retries = 1 })
		c := r.dial()
		c.ask(SubmitJob, "f", "", strings.Repeat("x", 9<<10))
		c.hear(JobCreated)
		c.ask(SubmitJobBG, "f", "", strings.Repeat("x", 1<<10))
		require.Equal(t, []string{"QUEUE_ERROR", "Job store is full"}, c.hear(Error))
		c.ask(CanDo, "f")
		c.ask(GrabJob)
		handle := c.hear(JobAssign)[0]
		c.ask(WorkComplete, handle, "")
		c.hear(WorkComplete)
		c.ask(SubmitJobBG, "f", "", strings.Repeat("x", 1<<10))
		c.hear(JobCreated)
	})
	t.Run("bytes of a packet", func(t *testing.T) {
		r := start(t, func(c *ServerConfig) { c.MaxPacket = 1 << 10 })
		c := r.dial()
		c.ask(EchoReq, strings.Repeat("x", 1<<10))
		c.hear(EchoRes)
		c.ask(EchoReq, strings.Repeat("x", 1<<10+1))
		c.isClosed()
	})
	t.Run("connections", func(t *testing.T) {
		r := start(t, func(c *ServerConfig) { c.MaxClients = 2 })
		a, b := r.dial(), r.dial()
		a.settle()
		b.settle()
		r.dial().isClosed()
		a.Close()
		r.quiesce(1)
		r.dial().settle()
	})
	t.Run("names", func(t *testing.T) {
		r := start(t, nil)
		c := r.dial()
		long := strings.Repeat("x", 513)
		c.ask(CanDo, long)
		c.hear(Error)
		c.ask(SetClientID, long)
		c.hear(Error)
		c.ask(SubmitJob, long, "", "")
		c.hear(Error)
		c.ask(SubmitReduceJob, "f", "", long, "")
		c.hear(Error)
		c.ask(OptionReq, long)
		c.hear(Error)
		c.ask(GetStatus, long)
		c.hear(Error)
		c.ask(GetStatusUnique, long)
		c.hear(Error)
	})
	t.Run("a line", func(t *testing.T) {
		r := start(t, nil)
		c := r.dial()
		_, err := io.WriteString(c.Conn.Conn, strings.Repeat("x", 1<<20))
		if err == nil {
			c.isClosed()
		}
	})
}

// If this failed, one who does not read would cost memory without end, or hold up the others.
func TestAPeerThatDoesNotReadIsClosed(t *testing.T) {
	r := start(t, func(c *ServerConfig) { c.MaxOutput = 1 << 20 })
	deaf, worker := r.dial(), r.dial()
	deaf.ask(SubmitJob, "f", "", "")
	deaf.hear(JobCreated)
	worker.ask(CanDo, "f")
	worker.ask(GrabJob)
	handle := worker.hear(JobAssign)[0]
	data := strings.Repeat("x", 1<<20)
	for range 100 {
		worker.ask(WorkData, handle, data)
		worker.settle()
		if strings.Contains(r.log.String(), serve.ErrDeaf.Error()) {
			r.quiesce(1)
			worker.ask(WorkComplete, handle, "to nobody")
			require.Empty(t, worker.settle())
			return
		}
	}
	require.Fail(t, "100 MiB wait for a peer that does not read")
}

// If this failed, bytes that mean nothing would be answered with something, or with silence.
func TestWhatIsNotTheProtocolIsClosed(t *testing.T) {
	r := start(t, nil)
	for name, bytes := range map[string][]byte{
		"another magic":   append([]byte("\x00REX"), make([]byte, 8)...),
		"an unknown type": Append(nil, Request, 99, []byte("x")),
		"4 GiB":           binary.BigEndian.AppendUint32(Append(nil, Request, EchoReq)[:8], 1<<32-1),
	} {
		c := r.dial()
		_, err := c.Conn.Conn.Write(bytes)
		require.NoError(t, err, name)
		c.isClosed()
	}
	// A response in place of a request is told.
	c := r.dial()
	_, err := c.Conn.Conn.Write(Append(nil, Response, EchoReq, []byte("x")))
	require.NoError(t, err)
	require.Equal(t, []string{"INVALID_MAGIC", "Request magic expected"}, c.hear(Error))
	_, err = c.Conn.Conn.Write(Append(nil, Response, SubmitJob, []byte("f"), nil, []byte("x")))
	require.NoError(t, err)
	require.Equal(t, []string{"INVALID_MAGIC", "Request magic expected"}, c.hear(Error))
}

// If this failed, a client could take one answer for another: the protocol numbers none.
func TestAnswersComeInTheOrderOfRequests(t *testing.T) {
	r := start(t, nil)
	c := r.dial()
	var out []byte
	for n := range 3000 {
		id := strconv.Itoa(n)
		switch n % 5 {
		case 0, 1:
			out = Append(out, Request, SubmitJobBG, []byte("f"), nil, []byte(id))
		case 2:
			out = Append(out, Request, SubmitJob, []byte("g"), nil, []byte(id))
		case 3:
			out = Append(out, Request, EchoReq, []byte(id))
		default:
			out = Append(out, Request, SubmitJobBG, []byte("two\tcolumns"), nil, nil)
		}
	}
	go c.Conn.Conn.Write(out)
	number := 0
	for n := range 3000 {
		switch n % 5 {
		case 0, 1, 2:
			number++
			handle := c.hear(JobCreated)[0]
			require.True(t, strings.HasSuffix(handle, fmt.Sprint(".", number)), "%s is not the handle of job %d", handle, number)
		case 3:
			require.Equal(t, strconv.Itoa(n), c.hear(EchoRes)[0])
		default:
			c.hear(Error)
		}
	}
}

// If this failed, one who submits faster than the disk takes it would fill the memory, or be refused for it.
func TestWhoIsFasterThanTheDiskWaits(t *testing.T) {
	r := start(t, nil)
	c := r.dial()
	const jobs, size = 40, 2 << 20
	go func() {
		for range jobs {
			_ = c.WriteRequest(SubmitJobBG, []byte("f"), nil, make([]byte, size))
		}
	}()
	for range jobs {
		c.hear(JobCreated)
	}
}

// If this failed, `echo status | nc` would show nothing, and a connection that is silent for no reason would stay.
func TestStreamsEndWell(t *testing.T) {
	r := start(t, func(c *ServerConfig) { c.IdleTimeout = 200 * time.Millisecond })
	p := r.dial()
	_, err := io.WriteString(p.Conn.Conn, "version\nversion\n")
	require.NoError(t, err)
	require.NoError(t, p.Conn.Conn.(interface{ CloseWrite() error }).CloseWrite())
	said, err := io.ReadAll(p.Conn.Conn)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("OK "+Version+"\n", 2), string(said))

	idle, sleeper, waiter := r.dial(), r.dial(), r.dial()
	sleeper.ask(CanDo, "g")
	sleeper.ask(PreSleep)
	waiter.ask(SubmitJob, "f", "", "")
	waiter.hear(JobCreated)
	idle.isClosed()
	time.Sleep(300 * time.Millisecond)
	require.Empty(t, sleeper.settle())
	require.Empty(t, waiter.settle())
}

// If this failed, a handle could name two jobs: it is given once, whatever the server kept of its former life.
func TestHandlesAreNeverGivenTwice(t *testing.T) {
	for _, queue := range []Queue{JournalQueue, MemoryQueue} {
		r := start(t, func(c *ServerConfig) { c.Queue = queue })
		seen := map[string]bool{}
		for range 3 {
			c := r.dial()
			for range 3 {
				c.ask(SubmitJob, "f", "", "")
				handle := c.hear(JobCreated)[0]
				require.False(t, seen[handle], "%s was given twice", handle)
				require.LessOrEqual(t, len(handle), MaxHandle)
				seen[handle] = true
			}
			r.crash()
			r.start()
		}
	}
	require.LessOrEqual(t, len(handlePrefix(strings.Repeat("long", 20), "", 1<<32-1))+len("18446744073709551615"), MaxHandle)
	require.Equal(t, "H:a_b:1.", string(handlePrefix("a b", "", 1)))
}

// If this failed, a waiting client or worker would sleep through the second for which a job was ordered.
func TestAJobsEpochWakesASleepingWorker(t *testing.T) {
	t.Parallel()
	r := &rig{t: t, config: DefaultServerConfig(), dir: t.TempDir(), byHand: true}
	began := time.Now()
	r.start()
	w, c := r.dial(), r.dial()
	soon := strconv.FormatInt(began.Unix()+3000, 10)
	c.ask(SubmitJobEpoch, "f", "key", soon, "later")
	handle := c.hear(JobCreated)[0]
	c.ask(SubmitJobEpoch, "f", "", strconv.FormatInt(began.Unix()+1e6, 10), "much later")
	c.hear(JobCreated)
	c.ask(SubmitJob, "f", "key", "coalesces")
	require.Equal(t, handle, c.hear(JobCreated)[0])
	w.ask(CanDo, "f")
	w.ask(GrabJob)
	w.hear(NoJob)
	w.ask(PreSleep)
	require.Equal(t, "f\t2\t0\t1\n.\n", r.admin("status"))
	require.Equal(t, "f\t0\t2\t0\t1\n.\n", r.admin("prioritystatus"))
	r.pass(1000 * time.Second)
	require.Empty(t, w.settle())
	r.pass(2000 * time.Second)
	w.hear(Noop)
	w.ask(GrabJob)
	require.Equal(t, []string{handle, "f", "later"}, w.hear(JobAssign))
	r.crash()
	r.start()
	require.Equal(t, "f\t2\t0\t0\n.\n", r.admin("status"))
	r.crash()
}

// If this failed, the server would end while someone waits for it, or never.
func TestAGracefulEnd(t *testing.T) {
	r := start(t, nil)
	w, c := r.dial(), r.dial()
	w.ask(CanDo, "f")
	c.ask(SubmitJobBG, "g", "", "stays")
	c.hear(JobCreated)
	c.ask(SubmitJob, "f", "", "x")
	handle := c.hear(JobCreated)[0]
	require.Equal(t, "OK\n", r.admin("shutdown graceful"))
	w.ask(GrabJob)
	w.hear(JobAssign)
	w.ask(WorkComplete, handle, "done")
	require.Equal(t, "done", c.hear(WorkComplete)[1])
	require.NoError(t, <-r.ended)
	r.host = nil
	r.start()
	require.Equal(t, "g\t1\t0\t0\n.\n", r.admin("status"))
	require.Equal(t, "OK\n", r.admin("shutdown"))
	require.NoError(t, <-r.ended)
	r.host = nil
}

// Whatever line comes, the server answers it with lines, and is not harmed.
func FuzzText(f *testing.F) {
	for name := range commands {
		f.Add(name + " a b c")
	}
	f.Add("cancel job H:x:1.1")
	f.Add("maxqueue f 1 2 3\x00")
	f.Add("create function \x1b[2J")
	r := start(f, func(c *ServerConfig) { c.MaxFunctions = 100 })
	p := r.dial()
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.Map(func(c rune) rune {
			if c == '\n' {
				return ' '
			}
			return c
		}, line)
		if len(line) > 1000 || line == "" || line[0] == 0 || strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "shutdown") {
			return
		}
		p.t = t
		_, err := io.WriteString(p.Conn.Conn, line+"\n")
		require.NoError(t, err)
		_, err = p.Conn.Conn.Write(Append(nil, Request, EchoReq, []byte("settle")))
		require.NoError(t, err)
		_ = p.SetReadDeadline(time.Now().Add(longEnough))
		for {
			text, err := p.AtText()
			require.NoError(t, err)
			if !text {
				break
			}
			answer, err := p.ReadLine()
			require.NoError(t, err)
			require.False(t, bytes.ContainsAny(answer, "\x00\x1b"), "%q", answer)
		}
		require.Empty(t, p.hear(EchoRes)[0][len("settle"):])
	})
}

// Whatever packet comes, the server answers or closes, and goes on serving others.
func FuzzRequests(f *testing.F) {
	for t := range Type(typeCount) {
		if t.Known() {
			f.Add(Append(nil, Request, t, []byte("f"), []byte("u"), []byte("1"), []byte("x")))
		}
	}
	r := start(f, nil)
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if strings.Contains(strings.ToLower(string(bytes)), "shutdown") {
			return
		}
		r.t = t
		p := r.dial()
		_, err := p.Conn.Conn.Write(bytes)
		require.NoError(t, err)
		require.NoError(t, p.Conn.Conn.(interface{ CloseWrite() error }).CloseWrite())
		_ = p.SetReadDeadline(time.Now().Add(longEnough))
		_, _ = io.Copy(io.Discard, p.Conn.Conn)
		p.Close()
		r.quiesce(0)
	})
}

// If this failed, a scenario would be told that a moment does not exist which does, or the other way round.
func TestTheServerKnowsWhatItNotes(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	said := map[string]bool{}
	for _, name := range sources {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`v\.record\.Note\("([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			said[m[1]] = true
		}
	}
	declared := map[string]bool{}
	for _, name := range Server.Notes {
		if !strings.HasPrefix(name, "send ") && !strings.HasPrefix(name, "recv ") {
			declared[name] = true
		}
	}
	require.Equal(t, declared, said)
}
