package gearman

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
)

// wornDisk is a disk that is full, or fails to sync, while a test says so.
type wornDisk struct {
	nodes.FS
	full, failing *atomic.Bool
}

type wornFile struct {
	nodes.File
	disk wornDisk
}

func (d wornDisk) OpenFile(name string, flag int, perm fs.FileMode) (nodes.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	return wornFile{f, d}, err
}

func (f wornFile) WriteAt(p []byte, at int64) (int, error) {
	if f.disk.full.Load() {
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return f.File.WriteAt(p, at)
}

func (f wornFile) Sync() error {
	if f.disk.failing.Load() {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: syscall.EIO}
	}
	return f.File.Sync()
}

func worn(t *testing.T, config func(*ServerConfig)) (r *rig, full, failing *atomic.Bool) {
	full, failing = new(atomic.Bool), new(atomic.Bool)
	r = &rig{t: t, config: DefaultServerConfig(), dir: t.TempDir(), byHand: true}
	r.disk = func(disk nodes.FS) nodes.FS { return wornDisk{disk, full, failing} }
	if config != nil {
		config(r.config)
	}
	r.start()
	t.Cleanup(func() {
		if r.host != nil {
			r.crash()
		}
	})
	return r, full, failing
}

// If this failed, a full disk would end the service, or lose what was promised on it.
func TestAFullDiskRefusesBackgroundJobsAndNothingElse(t *testing.T) {
	r, full, _ := worn(t, nil)
	c, w := r.dial(), r.dial()
	c.ask(SubmitJobBG, "f", "", "before")
	before := c.hear(JobCreated)[0]
	w.ask(CanDo, "f")
	w.ask(GrabJob)
	w.hear(JobAssign)

	full.Store(true)
	c.ask(SubmitJobBG, "f", "key", "refused")
	require.Contains(t, strings.Join(c.hear(Error), " "), "QUEUE_ERROR")
	require.Equal(t, "f\t1\t1\t1\n.\n", r.admin("status"))
	// Foreground jobs go on, and one that a background submission wanted to join is not harmed.
	c.ask(SubmitJob, "f", "key", "foreground")
	fore := c.hear(JobCreated)[0]
	c.ask(SubmitJobBG, "f", "key", "refused")
	c.hear(Error)
	w.ask(GrabJob)
	require.Equal(t, fore, w.hear(JobAssign)[0])
	w.ask(WorkComplete, fore, "done")
	require.Equal(t, []string{fore, "done"}, c.hear(WorkComplete))
	// A background job that ends now has not ended until that is kept.
	w.ask(WorkComplete, before, "done")
	require.Empty(t, w.settle())
	c.ask(GetStatus, before)
	require.Equal(t, []string{before, "1", "1", "0", "0"}, c.hear(StatusRes))

	full.Store(false)
	r.pass(time.Second)
	r.quiesce(2)
	require.Equal(t, "f\t0\t0\t1\n.\n", r.admin("status"))
	c.ask(SubmitJobBG, "f", "", "after")
	after := c.hear(JobCreated)[0]
	r.crash()
	r.start()
	require.Equal(t, after+"\t0\t0\t1\n.\n", r.admin("show jobs"))
}

// If this failed, the server would acknowledge jobs after the kernel has thrown away what it wrote before.
func TestAFailedSyncEndsTheServer(t *testing.T) {
	r, _, failing := worn(t, nil)
	c := r.dial()
	c.ask(SubmitJobBG, "f", "", "kept")
	kept := c.hear(JobCreated)[0]
	failing.Store(true)
	c.ask(SubmitJobBG, "f", "", "not known")
	require.ErrorIs(t, <-r.ended, journal.ErrBroken)
	r.host = nil
	c.isClosed()
	failing.Store(false)
	r.start()
	require.Contains(t, r.admin("show jobs"), kept)
}

// If this failed, a disk that has lost promised jobs would go unnoticed, or a crash would be taken for such a disk.
func TestDamageIsToldAndATornTailIsCut(t *testing.T) {
	r := start(t, nil)
	c := r.dial()
	var kept []string
	for range 50 {
		c.ask(SubmitJobBG, "f", "", strings.Repeat("x", 500))
		kept = append(kept, c.hear(JobCreated)[0])
	}
	r.crash()
	segments := segmentsOf(t, filepath.Join(r.dir, journalDir))
	segment := segments[len(segments)-1]
	whole, err := os.ReadFile(segment)
	require.NoError(t, err)

	middle := slices.Clone(whole)
	at := strings.Index(string(whole), strings.Repeat("x", 500))
	middle[at+10] ^= 1
	require.NoError(t, os.WriteFile(segment, middle, 0o644))
	err = r.tryStart()
	require.ErrorContains(t, err, "the jobs of earlier lives cannot be read")
	require.ErrorContains(t, err, filepath.Base(segment))

	torn := whole[:strings.LastIndex(string(whole), "xxx")]
	require.NoError(t, os.WriteFile(segment, torn, 0o644))
	require.NoError(t, r.tryStart())
	jobs := r.admin("show jobs")
	for _, handle := range kept[:len(kept)-1] {
		require.Contains(t, jobs, handle+"\t")
	}
	require.NotContains(t, jobs, kept[len(kept)-1]+"\t")
}

// segmentsOf are the files of a journal that hold records, by size.
func segmentsOf(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() > 1000 {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	require.NotEmpty(t, names)
	return names
}

// If this failed, a server would fill its disk with jobs that have long ended, or lose some in clearing up.
func TestTheJournalIsCompacted(t *testing.T) {
	r := start(t, func(c *ServerConfig) { c.Segment, c.Compact, c.Retries = 16<<10, 32<<10, 5 })
	c, w := r.dial(), r.dial()
	w.ask(CanDo, "f")
	c.ask(SubmitJobBG, "f", "stays", "the first")
	first := c.hear(JobCreated)[0]
	w.ask(GrabJob)
	w.hear(JobAssign)
	w.Close()
	r.quiesce(1)
	w = r.dial()
	w.ask(CanDo, "f")
	for range 150 {
		c.ask(SubmitJobHighBG, "f", "", strings.Repeat("x", 4000))
		handle := c.hear(JobCreated)[0]
		w.ask(GrabJob)
		require.Equal(t, handle, w.hear(JobAssign)[0])
		w.ask(WorkComplete, handle, "")
	}
	w.settle()
	r.quiesce(2)
	c.ask(SubmitJobBG, "f", "", "the last")
	last := c.hear(JobCreated)[0]
	size := int64(0)
	for _, name := range segmentsOf(t, filepath.Join(r.dir, journalDir)) {
		info, err := os.Stat(name)
		require.NoError(t, err)
		size += info.Size()
	}
	require.Less(t, size, int64(200<<10), "of 600 KB that were written")
	r.crash()
	r.start()
	require.Equal(t, first+"\t1\t0\t1\n"+last+"\t0\t0\t1\n.\n", r.admin("show jobs"))
}

// What a journal holds is read as it was written, and anything else is told.
func FuzzJobRecord(f *testing.F) {
	s := submitted{number: 1 << 40, epoch: -1, attempts: 3, priority: low, handle: []byte("H:x:1.1"), function: []byte("f"), unique: []byte("u"), data: []byte("d")}
	f.Add(appendSubmitted(nil, &s))
	f.Add(appendAttempted(nil, s.handle, 2))
	f.Add(appendEnded(nil, s.handle))
	f.Fuzz(func(t *testing.T, record []byte) {
		r := recovered{jobs: map[string]*job{}, functions: &functions{byName: map[string]*function{}}}
		if err := r.take(record); err != nil {
			require.ErrorIs(t, err, errRecord)
			return
		}
		for _, j := range r.jobs {
			again := j.submitted()
			other := recovered{jobs: map[string]*job{}, functions: r.functions}
			require.NoError(t, other.take(appendSubmitted(nil, &again)))
			require.Equal(t, r.jobs, other.jobs)
		}
	})
}
