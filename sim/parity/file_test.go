package parity

import (
	"io"
	"io/fs"
	"os"
	"strings"

	"simrun/nodes"
)

func onDisk(name string, client func(s *side, disk nodes.FS)) scene {
	return scene{name: name, server: alone, client: func(s *side) { client(s, s.FS()) }}
}

func (s *side) open(name string, flag int) nodes.File {
	f, err := s.FS().OpenFile(name, flag, 0o644)
	s.did("open "+name, err)
	return f
}

func (s *side) put(f nodes.File, text string, at int64) {
	n, err := f.WriteAt([]byte(text), at)
	s.say("write %q at %d: %d, %s", text, at, n, class(err))
}

func (s *side) get(f nodes.File, size int, at int64) {
	buffer := make([]byte, size)
	n, err := f.ReadAt(buffer, at)
	s.say("read %d at %d: %q, %s", size, at, buffer[:n], class(err))
}

func (s *side) size(f nodes.File) {
	n, err := f.Size()
	s.did("size "+itoa(int(n)), err)
}

func (s *side) list(name string) {
	entries, err := s.FS().ReadDir(name)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name()+"/")
		} else {
			names = append(names, e.Name())
		}
	}
	s.say("%s holds %s: %s", name, strings.Join(names, " "), class(err))
}

const create = os.O_CREATE | os.O_RDWR

// What files do.
var files = []scene{
	onDisk("a file is written and read", func(s *side, disk nodes.FS) {
		f := s.open("journal", create)
		s.say("name %s", f.Name())
		s.size(f)
		s.get(f, 10, 0)
		s.put(f, "hello", 0)
		s.put(f, "world", 10) // a hole in between
		s.put(f, "", 100)
		s.size(f)
		s.get(f, 100, 0)
		s.get(f, 5, 0)
		s.get(f, 5, 10)
		s.get(f, 0, 3)
		s.get(f, 0, 50)
		s.get(f, 1, 15)
		s.get(f, 1, 1000)
		s.get(f, 1, -1)
		s.put(f, "x", -1)
		s.did("sync", f.Sync())
		s.did("truncate", f.Truncate(3))
		s.get(f, 10, 0)
		s.did("truncate", f.Truncate(6))
		s.get(f, 10, 0) // the rest is zeros, not what was there
		s.did("truncate", f.Truncate(-1))
		s.close(f)
		s.close(f)
		s.get(f, 1, 0)
		s.put(f, "x", 0)
		s.did("sync", f.Sync())
		s.did("truncate", f.Truncate(0))
		s.size(f)
	}),
	onDisk("two descriptions of one file", func(s *side, disk nodes.FS) {
		a, b := s.open("f", create), s.open("f", os.O_RDONLY)
		s.put(a, "seen at once", 0)
		s.get(b, 100, 0)
		s.put(b, "x", 0)
		s.did("truncate", b.Truncate(0))
		s.did("sync", b.Sync())
		w := s.open("f", os.O_WRONLY)
		s.get(w, 1, 0)
		s.put(w, "S", 0)
		s.get(a, 4, 0)
		s.close(s.open("f", os.O_RDWR|os.O_TRUNC))
		s.size(a)
	}),
	onDisk("flags", func(s *side, disk nodes.FS) {
		s.open("f", os.O_RDWR)
		s.open("f", os.O_RDWR|os.O_CREATE|os.O_EXCL)
		s.open("f", os.O_RDWR|os.O_CREATE|os.O_EXCL)
		s.open("f", os.O_RDWR|os.O_CREATE)
		s.open("missing/f", create)
		s.open("f/below", create)
		s.did("mkdir", disk.MkdirAll("dir", 0o755))
		s.open("dir", os.O_RDWR)
		s.open("dir", create|os.O_EXCL)
		s.open("", create)
	}),
	onDisk("directories", func(s *side, disk nodes.FS) {
		s.did("mkdir", disk.MkdirAll("a/b/c", 0o755))
		s.did("mkdir again", disk.MkdirAll("a/b", 0o755))
		s.open("a/z", create)
		s.open("a/file", create)
		s.did("mkdir over a file", disk.MkdirAll("a/file", 0o755))
		s.did("mkdir below a file", disk.MkdirAll("a/file/x", 0o755))
		s.list(".")
		s.list("a")
		s.list("a/b")
		s.list("missing")
		s.list("a/file")
		s.did("sync .", disk.SyncDir("."))
		s.did("sync a/b", disk.SyncDir("a/b"))
		s.did("sync missing", disk.SyncDir("missing"))
		s.did("remove full", disk.Remove("a"))
		s.did("remove empty", disk.Remove("a/b/c"))
		s.did("remove file", disk.Remove("a/file"))
		s.did("remove missing", disk.Remove("a/file"))
		s.list("a")
	}),
	onDisk("rename", func(s *side, disk nodes.FS) {
		f := s.open("new", create)
		s.put(f, "new", 0)
		old := s.open("old", create)
		s.put(old, "old", 0)
		s.did("rename over", disk.Rename("new", "old"))
		s.list(".")
		s.get(old, 10, 0) // who had it open keeps it
		s.get(s.open("old", os.O_RDONLY), 10, 0)
		s.put(f, "er", 3)
		s.get(s.open("old", os.O_RDONLY), 10, 0)
		s.did("rename missing", disk.Rename("new", "x"))
		s.did("rename onto itself", disk.Rename("old", "old"))
		s.did("mkdir", disk.MkdirAll("d/e", 0o755))
		s.did("file over directory", disk.Rename("old", "d"))
		s.did("directory over file", disk.Rename("d", "old"))
		s.did("into a missing directory", disk.Rename("old", "missing/old"))
		s.did("into a directory", disk.Rename("old", "d/old"))
		s.did("directory", disk.Rename("d", "g"))
		s.did("directory below itself", disk.Rename("g", "g/e/h"))
		s.did("mkdir", disk.MkdirAll("empty", 0o755))
		s.did("directory over an empty one", disk.Rename("g", "empty"))
		s.did("mkdir", disk.MkdirAll("other", 0o755))
		s.did("directory over a full one", disk.Rename("other", "empty"))
		s.list(".")
		s.list("empty")
	}),
	onDisk("a removed file lives on for who has it open", func(s *side, disk nodes.FS) {
		f := s.open("f", create)
		s.put(f, "still here", 0)
		s.did("remove", disk.Remove("f"))
		s.open("f", os.O_RDWR)
		s.get(f, 100, 0)
		s.put(f, "!", 10)
		s.size(f)
		s.did("sync", f.Sync())
		g := s.open("f", create)
		s.size(g)
	}),
	onDisk("stat", func(s *side, disk nodes.FS) {
		s.put(s.open("f", create), "12345", 0)
		s.did("mkdir", disk.MkdirAll("d", 0o755))
		for _, name := range []string{"f", "d", ".", "missing", "f/x"} {
			info, err := disk.Stat(name)
			if err != nil {
				s.did("stat "+name, err)
				continue
			}
			s.say("stat %s: name %s, directory %v", name, info.Name(), info.IsDir())
			if !info.IsDir() {
				s.say("size %d, mode %v", info.Size(), info.Mode()&fs.ModeType)
			}
		}
	}),
	onDisk("there is no way out", func(s *side, disk nodes.FS) {
		for _, name := range []string{"../secret", "/etc/passwd", "a/../../secret", ".."} {
			_, err := disk.OpenFile(name, os.O_RDONLY, 0)
			s.say("open %s: fails %v", name, err != nil)
			_, err = disk.Stat(name)
			s.say("stat %s: fails %v", name, err != nil)
			s.say("mkdir %s: fails %v", name, disk.MkdirAll(name+"/x", 0o755) != nil)
			s.say("remove %s: fails %v", name, disk.Remove(name) != nil)
			s.say("rename to and from %s: fails %v, %v", name, disk.Rename("LOCK", name) != nil, disk.Rename(name, "LOCK") != nil)
		}
		s.did("mkdir", disk.MkdirAll("a/b", 0o755))
		s.open("a/b/../f", create)
		s.list("a")
	}),
	onDisk("a lock is exclusive", func(s *side, disk nodes.FS) {
		lock, err := disk.Lock("LOCK")
		s.did("lock", err)
		_, err = disk.Lock("LOCK")
		s.did("lock again", err)
		f := s.open("LOCK", create)
		s.put(f, "a lock is only for who asks", 0)
		s.close(lock)
		lock, err = disk.Lock("LOCK")
		s.did("lock after close", err)
		var _ io.Closer = lock
		_, err = disk.Lock("missing/LOCK")
		s.did("lock in a missing directory", err)
	}),
}
