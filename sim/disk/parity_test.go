package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
)

// kernel is the file system of the machine that the tests run on, by way of its system calls.
type kernel struct{ root string }

func (k kernel) at(name string) string { return filepath.Join(k.root, name) }

func (k kernel) OpenFile(name string, flag int, perm fs.FileMode) (nodes.File, error) {
	f, err := os.OpenFile(k.at(name), flag, perm)
	if err != nil {
		return nil, err
	}
	return kernelFile{f}, nil
}

func (k kernel) Rename(from, to string) error { return syscall.Rename(k.at(from), k.at(to)) }

func (k kernel) Remove(name string) error {
	info, err := os.Lstat(k.at(name))
	if err == nil && info.IsDir() {
		return syscall.Rmdir(k.at(name))
	}
	return syscall.Unlink(k.at(name))
}

func (k kernel) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(k.at(name), perm) }
func (k kernel) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(k.at(name)) }
func (k kernel) Stat(name string) (fs.FileInfo, error)        { return os.Stat(k.at(name)) }

func (k kernel) SyncDir(name string) error {
	fd, err := syscall.Open(k.at(name), syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err == nil {
		err = syscall.Close(fd)
	}
	return err
}

func (k kernel) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(k.at(name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

type kernelFile struct{ *os.File }

func (f kernelFile) Sync() error { return nil }

func (f kernelFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// pair is both file systems, to which the same is done.
type pair struct {
	t       *rapid.T
	sim, os nodes.FS
	open    [2][]nodes.File
	locks   [2][]io.Closer
}

// same requires that both failed alike or both succeeded, and says which.
func (p *pair) same(what string, sim, kernel error) bool {
	require.Equal(p.t, reason(kernel), reason(sim), "%s: the kernel says %v, the simulation %v", what, kernel, sim)
	return sim == nil
}

func reason(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case err == io.EOF:
		return "EOF"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, fs.ErrClosed):
		return "closed"
	}
	return err.Error()
}

func (p *pair) openFile(name string, flag int) {
	what := fmt.Sprintf("open %s %x", name, flag)
	a, errA := p.sim.OpenFile(name, flag, 0o644)
	b, errB := p.os.OpenFile(name, flag, 0o644)
	if p.same(what, errA, errB) {
		p.open[0], p.open[1] = append(p.open[0], a), append(p.open[1], b)
	}
}

func (p *pair) readDir(name string) {
	a, errA := p.sim.ReadDir(name)
	b, errB := p.os.ReadDir(name)
	p.same("readdir "+name, errA, errB)
	require.Equal(p.t, len(b), len(a), "entries of %s", name)
	for i := range a {
		require.Equal(p.t, b[i].Name(), a[i].Name())
		require.Equal(p.t, b[i].IsDir(), a[i].IsDir())
		require.Equal(p.t, b[i].Type(), a[i].Type())
	}
}

func (p *pair) stat(name string) {
	a, errA := p.sim.Stat(name)
	b, errB := p.os.Stat(name)
	if !p.same("stat "+name, errA, errB) {
		return
	}
	require.Equal(p.t, b.IsDir(), a.IsDir())
	if name != "." {
		require.Equal(p.t, b.Name(), a.Name())
	}
	if !a.IsDir() {
		require.Equal(p.t, b.Size(), a.Size())
		require.Equal(p.t, b.Mode(), a.Mode())
	}
}

func (p *pair) useFile() {
	if len(p.open[0]) == 0 {
		return
	}
	i := rapid.IntRange(0, len(p.open[0])-1).Draw(p.t, "file")
	a, b := p.open[0][i], p.open[1][i]
	off := rapid.SampledFrom([]int64{-1, 0, 1, 511, 512, 4095, 4096, 5000, 9000, 1 << 33}).Draw(p.t, "off")
	length := rapid.SampledFrom([]int{0, 1, 100, 512, 600, 4096, 5000}).Draw(p.t, "length")
	switch rapid.IntRange(0, 6).Draw(p.t, "with it") {
	case 0, 1:
		data := []byte(strings.Repeat(string(rune('a'+rapid.IntRange(0, 25).Draw(p.t, "letter"))), length))
		if off < 0 {
			return // package os refuses that without asking the kernel
		}
		n, errA := a.WriteAt(data, off)
		m, errB := b.WriteAt(data, off)
		p.same(fmt.Sprintf("write %d+%d", off, length), errA, errB)
		require.Equal(p.t, m, n, "bytes written")
	case 2, 3:
		if off < 0 {
			return
		}
		x, y := make([]byte, length), make([]byte, length)
		n, errA := a.ReadAt(x, off)
		m, errB := b.ReadAt(y, off)
		p.same(fmt.Sprintf("read %d+%d", off, length), errA, errB)
		require.Equal(p.t, m, n, "bytes read")
		require.Equal(p.t, y[:m], x[:n])
	case 4:
		p.same(fmt.Sprintf("truncate %d", off), a.Truncate(off), b.Truncate(off))
	case 5:
		x, errA := a.Size()
		y, errB := b.Size()
		info, err := b.(kernelFile).Stat()
		if p.same("size", errA, errB) && err == nil && !info.IsDir() {
			require.Equal(p.t, y, x, "size")
		}
	case 6:
		p.same("close", a.Close(), b.Close())
	}
}

func (p *pair) useLock(name string) {
	if len(p.locks[0]) > 0 && rapid.Bool().Draw(p.t, "unlock") {
		last := len(p.locks[0]) - 1
		p.same("unlock", p.locks[0][last].Close(), p.locks[1][last].Close())
		p.locks[0], p.locks[1] = p.locks[0][:last], p.locks[1][:last]
		return
	}
	a, errA := p.sim.Lock(name)
	b, errB := p.os.Lock(name)
	if p.same("lock "+name, errA, errB) {
		p.locks[0], p.locks[1] = append(p.locks[0], a), append(p.locks[1], b)
	}
}

// step does one thing, drawn, to both.
func (p *pair) step() {
	name := func() string {
		return rapid.SampledFrom([]string{"a", "b", "d", "e", "d/a", "d/b", "d/e", "d/e/a", "a/x", "e/d", "no/such",
			".", "d/../a", "d/", ""}).Draw(p.t, "name")
	}
	switch rapid.IntRange(0, 14).Draw(p.t, "what") {
	case 0, 1, 2:
		flag := rapid.SampledFrom([]int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR}).Draw(p.t, "access")
		if name := name(); name != "" && !strings.HasSuffix(name, "/") {
			p.openFile(name, flag|rapid.SampledFrom([]int{0, os.O_CREATE, os.O_CREATE | os.O_EXCL, os.O_TRUNC,
				os.O_CREATE | os.O_TRUNC}).Draw(p.t, "flags"))
		}
	case 3, 4:
		if from, to := name(), name(); from != "" && to != "" && from != "." && to != "." {
			p.same("rename "+from+" to "+to, p.sim.Rename(from, to), p.os.Rename(from, to))
		}
	case 5:
		if name := name(); name != "" && name != "." {
			p.same("remove "+name, p.sim.Remove(name), p.os.Remove(name))
		}
	case 6, 7:
		name := name()
		p.same("mkdir "+name, p.sim.MkdirAll(name, 0o755), p.os.MkdirAll(name, 0o755))
	case 8:
		if name := name(); name != "" {
			p.readDir(name)
		}
	case 9:
		if name := name(); name != "" && !strings.HasSuffix(name, "/") {
			p.stat(name)
		}
	case 10:
		if name := name(); name != "" && !strings.HasSuffix(name, "/") {
			p.useLock(name)
		}
	case 11:
		if name := name(); name != "" && name != "." {
			p.same("syncdir "+name, p.sim.SyncDir(name), p.os.SyncDir(name))
		}
	default:
		p.useFile()
	}
}

func (p *pair) close() {
	for i := range p.open {
		for _, f := range p.open[i] {
			f.Close()
		}
		for _, l := range p.locks[i] {
			l.Close()
		}
	}
}

// If this failed, a node would meet another file system in the simulation than on a real machine.
func TestWhileNothingFailsItIsTheKernelsFileSystem(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		root, err := os.MkdirTemp(t.TempDir(), "")
		require.NoError(rt, err)
		defer os.RemoveAll(root)
		d := fresh()
		p := &pair{t: rt, sim: FS(d), os: kernel{root}}
		defer p.close()
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			p.step()
			requireSound(rt, d)
		}
		for _, name := range []string{".", "d", "d/e", "e", "e/d"} {
			p.readDir(name)
		}
		for _, name := range []string{"a", "b", "d/a", "d/b", "d/e/a"} {
			p.stat(name)
		}
	})
}
