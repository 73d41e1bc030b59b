package osenv

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/history/jepsen"
	"simrun/nodes/probe"
)

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	onHost(t, Options{DataDir: dir}, func(t *testing.T, env nodes.Env) {
		disk := env.FS()
		require.NoError(t, disk.MkdirAll("a/b", 0o755))
		f, err := disk.OpenFile("a/b/journal", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
		require.NoError(t, err)
		require.Equal(t, "a/b/journal", f.Name())
		n, err := f.WriteAt([]byte("hello"), 3)
		require.NoError(t, err)
		require.Equal(t, 5, n)
		require.NoError(t, f.Sync())
		require.NoError(t, disk.SyncDir("a/b"))
		size, err := f.Size()
		require.NoError(t, err)
		require.EqualValues(t, 8, size)
		buffer := make([]byte, 10)
		n, err = f.ReadAt(buffer, 0)
		require.Equal(t, io.EOF, err)
		require.Equal(t, "\x00\x00\x00hello", string(buffer[:n]))
		require.NoError(t, f.Truncate(4))
		require.NoError(t, f.Close())

		require.NoError(t, disk.Rename("a/b/journal", "a/old"))
		info, err := disk.Stat("a/old")
		require.NoError(t, err)
		require.EqualValues(t, 4, info.Size())
		_, err = disk.OpenFile("a/0", os.O_CREATE|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		entries, err := disk.ReadDir("a")
		require.NoError(t, err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		require.Equal(t, []string{"0", "b", "old"}, names)
		require.NoError(t, disk.Remove("a/old"))
	})
}

// If this failed, node code that asks errors.Is(err, fs.ErrNotExist) would pass in one world only, or a node
// could reach beyond its directory.
func TestFileErrorsArePathErrors(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o644))
	onHost(t, Options{DataDir: filepath.Join(dir, "data")}, func(t *testing.T, env nodes.Env) {
		disk := env.FS()
		_, err := disk.OpenFile("there", os.O_CREATE|os.O_RDWR, 0o644)
		require.NoError(t, err)
		second := func(_ any, err error) error { return err }
		for what, c := range map[string]struct{ got, want error }{
			"open":    {second(disk.OpenFile("missing", os.O_RDWR, 0)), fs.ErrNotExist},
			"exclude": {second(disk.OpenFile("there", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)), fs.ErrExist},
			"rename":  {disk.Rename("missing", "x"), syscall.ENOENT},
			"remove":  {disk.Remove("missing"), syscall.ENOENT},
			"stat":    {second(disk.Stat("missing")), syscall.ENOENT},
			"readdir": {second(disk.ReadDir("missing")), syscall.ENOENT},
			"sync":    {disk.SyncDir("missing"), syscall.ENOENT},
			"mkdir":   {disk.MkdirAll("there/x", 0o755), syscall.ENOTDIR},
			"up":      {second(disk.OpenFile("../secret", os.O_RDONLY, 0)), nil},
			"round":   {second(disk.Stat("x/../../secret")), nil},
			"root":    {second(disk.Stat("/etc/passwd")), nil},
			"out":     {disk.Rename("there", "../gone"), nil},
		} {
			var path *fs.PathError
			require.ErrorAs(t, c.got, &path, what)
			if c.want != nil {
				require.ErrorIs(t, c.got, c.want, what)
			}
		}
	})
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		var path *fs.PathError
		_, err := env.FS().Stat(".")
		require.ErrorAs(t, err, &path)
	})
	require.Error(t, New(Options{DataDir: filepath.Join(dir, "secret")}).Run(nil), "a file is no directory")
}

// If this failed, two servers could write one journal.
func TestLockIsExclusive(t *testing.T) {
	onHost(t, Options{DataDir: t.TempDir()}, func(t *testing.T, env nodes.Env) {
		first, err := env.FS().Lock("LOCK")
		require.NoError(t, err)
		second, err := env.FS().Lock("LOCK")
		require.ErrorIs(t, err, syscall.EWOULDBLOCK)
		require.Nil(t, second)
		var path *fs.PathError
		require.ErrorAs(t, err, &path)
		require.NoError(t, first.Close())
		_, err = env.FS().Lock("LOCK")
		require.NoError(t, err)
	})
}

// If this failed, what a real run did could not be judged afterwards.
func TestHistoryIsWritten(t *testing.T) {
	var out bytes.Buffer
	var said bytes.Buffer
	var probes probe.Set
	never, once, place := probes.Sometimes("never"), probes.Sometimes("once"), probes.Reachable("line")
	sound, unsound := probes.Always("sound"), probes.Always("unsound")
	h := New(Options{Host: "client-w/1", History: &out, Epoch: time.Now().Add(-time.Hour), Epsilon: time.Millisecond, Log: slog.New(slog.NewTextHandler(&said, nil))})
	require.NoError(t, h.Run(func(env nodes.Env) error {
		op := env.Record().Invoke(nodes.Request{ID: 7, Intended: time.Second}, "submit", slog.String("job", "j1"))
		part := op.Invoke("attempt", slog.Duration("timeout", 2))
		part.Note("created", slog.Any("why", errors.New("because")))
		part.Fail(io.EOF)
		op.Ok(slog.Int("size", 3), slog.Group("g", slog.Bool("b", true)))
		require.Panics(t, func() { op.Ok() })
		env.Record().Invoke(nodes.Request{}, "execute").Unknown(nil)
		env.Record().Gauge("queue", 5)
		env.Record().Sometimes(never, false)
		env.Record().Sometimes(once, true)
		env.Record().Sometimes(once, true)
		env.Record().Reach(place)
		env.Record().Always(sound, true)
		env.Record().Always(unsound, false)
		env.Record().Always(unsound, false)
		env.Record().Note("up")
		env.Record().State("idle")
		return nil
	}))
	require.Equal(t, "idle", h.State())
	require.Equal(t, 1, strings.Count(said.String(), "broken invariant"), "%s", &said)
	require.Contains(t, said.String(), "what=unsound")
	r, err := jepsen.Read(&out, jepsen.Options{})
	require.NoError(t, err)
	require.Len(t, r.Operations, 3)
	submit, attempt, execute := r.Operations[0], r.Operations[1], r.Operations[2]
	require.Equal(t, "client-w/1 submit ok", submit.Host+" "+submit.Kind+" "+submit.Outcome.String())
	require.Equal(t, time.Second-time.Millisecond, submit.Call, "a request of the workload counts from when it was meant to be, give or take the clocks")
	require.EqualValues(t, 7, submit.Request)
	require.Equal(t, "j1", submit.Input("job").String())
	require.EqualValues(t, 3, submit.Output("size").Int64())
	require.Equal(t, submit.ID, attempt.Parent)
	require.EqualValues(t, 7, attempt.Request)
	require.Equal(t, "fail EOF", attempt.Outcome.String()+" "+attempt.Reason)
	require.Greater(t, attempt.Return, time.Hour)
	require.Equal(t, "because", attempt.NoteNamed("created").Attr("why").String())
	require.Equal(t, history.Unknown, execute.Outcome)
	require.Equal(t, "queue", r.Samples[0].Name)
	require.Contains(t, r.Sometimes, "once")
	require.NotContains(t, r.Sometimes, "never")
	require.Equal(t, "up", r.Notes["client-w/1"][0].Name)
}
