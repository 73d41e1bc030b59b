package disk

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// directory holds what an inode that is one has besides.
//
// Invariant: now is durable with the pending changes applied in order.
type directory struct {
	parent  *inode // in the cache; nil for the root and for what has been removed
	now     map[string]*inode
	durable map[string]*inode
	latest  map[string]*change // the last pending change of a name
	placed  *change            // the pending change that gave this directory its name
}

// change is one change of directory entries that is not durable yet. It lands as a whole.
type change struct {
	seq    uint64
	sets   [2]entry
	n      int       // how many of sets
	stands []*change // what must have landed if this has
	landed bool
}

// entry is a name in a directory and what it refers to; nil for nothing.
type entry struct {
	dir  *inode
	name string
	to   *inode
}

// Names are relative, slash-separated, and bounded as on Linux.
const (
	maxName = 255
	maxPath = 4096
	// maxChanges bounds the pending changes; beyond it the file system commits its journal unasked.
	maxChanges = 4096
)

// find follows a name from a directory. It returns the directory that the last part is in, that part, and
// what it refers to, nil if nothing. The name "." is the root itself, in no directory.
func (d *Disk) find(root *inode, name string) (entry, error) {
	if len(name) > maxPath {
		return entry{}, syscall.ENAMETOOLONG
	}
	if name == "" {
		return entry{}, syscall.ENOENT
	}
	name = path.Clean(name)
	if name == "." {
		return entry{to: root}, nil
	}
	if !fs.ValidPath(name) || strings.IndexByte(name, 0) >= 0 {
		return entry{}, syscall.EINVAL
	}
	at := root
	for {
		part, rest, more := strings.Cut(name, "/")
		if at.dir == nil {
			return entry{}, syscall.ENOTDIR
		}
		if len(part) > maxName {
			return entry{}, syscall.ENAMETOOLONG
		}
		to := at.dir.now[part]
		if !more {
			return entry{at, part, to}, nil
		}
		if to == nil {
			return entry{}, syscall.ENOENT
		}
		at, name = to, rest
	}
}

// change makes entries refer to what they are said to, in the cache, as one change: one entry, or the two
// of a rename, the new name first.
//
// Besides on earlier changes of its names, it stands on those that give the directory of a new entry and
// those above it their places, and, where a directory goes, on those that emptied it: otherwise
// a crash could leave a file in a directory that nothing leads to.
func (d *Disk) change(now time.Duration, sets ...entry) {
	c := &change{seq: d.next(), n: len(sets)}
	for i, e := range sets {
		c.sets[i] = e
		c.stand(e.dir.dir.latest[e.name])
		if e.to != nil {
			for up := e.dir; up != nil; up = up.dir.parent {
				c.stand(up.dir.placed)
			}
		}
		if old := e.dir.dir.now[e.name]; old != nil && old.dir != nil && old != sets[0].to {
			for _, within := range d.changes {
				if within.in(old) {
					c.stand(within)
				}
			}
		}
	}
	for _, e := range sets {
		e.apply(c)
		e.dir.modified = d.wall(now)
	}
	d.changes = append(d.changes, c)
	if len(d.changes) > maxChanges {
		d.commit(d.changes[len(d.changes)/2:][0].seq, nil)
	}
}

// stand notes that the change cannot have landed without another one.
func (c *change) stand(on *change) {
	if on != nil && on != c && !slices.Contains(c.stands, on) {
		c.stands = append(c.stands, on)
	}
}

// in says whether the change is one of a directory's entries.
func (c *change) in(n *inode) bool {
	for _, e := range c.sets[:c.n] {
		if e.dir == n {
			return true
		}
	}
	return false
}

// apply sets the entry in the cache.
func (e entry) apply(c *change) {
	dir := e.dir.dir
	if dir.now == nil {
		dir.now = map[string]*inode{}
	}
	if dir.latest == nil {
		dir.latest = map[string]*change{}
	}
	dir.latest[e.name] = c
	if e.to == nil {
		delete(dir.now, e.name)
		return
	}
	dir.now[e.name] = e.to
	if e.to.dir != nil {
		e.to.dir.parent, e.to.dir.placed = e.dir, c
	}
}

// commit makes durable the changes until mark, those of one directory's entries or, where that is nil,
// all, and with them what they stand on.
func (d *Disk) commit(mark uint64, dir *inode) {
	for _, c := range d.changes {
		if c.seq <= mark && (dir == nil || c.in(dir)) {
			c.landWithAll()
		}
	}
	d.sweep()
}

func (c *change) landWithAll() {
	if c.landed {
		return
	}
	c.landed = true
	for _, on := range c.stands {
		on.landWithAll()
	}
}

// sweep applies to the medium, in order, the changes that have landed.
func (d *Disk) sweep() {
	d.changes = slices.DeleteFunc(d.changes, func(c *change) bool {
		if !c.landed {
			return false
		}
		for _, e := range c.sets[:c.n] {
			dir := e.dir.dir
			if dir.latest[e.name] == c {
				delete(dir.latest, e.name)
			}
			if e.to == nil {
				delete(dir.durable, e.name)
				continue
			}
			if dir.durable == nil {
				dir.durable = map[string]*inode{}
			}
			dir.durable[e.name] = e.to
			if e.to.dir != nil && e.to.dir.placed == c {
				e.to.dir.placed = nil
			}
		}
		c.stands = nil
		return true
	})
}

// unlink takes its name from an inode.
func (d *Disk) unlink(n *inode) {
	n.linked = false
	if n.dir != nil {
		n.dir.parent = nil
	}
	d.release(n)
}

// create makes a file or a directory under a name that refers to nothing.
func (d *Disk) create(now time.Duration, e entry, dir bool, perm fs.FileMode) (*inode, error) {
	if !e.dir.linked {
		return nil, syscall.ENOENT
	}
	if d.alive >= d.o.Inodes {
		return nil, syscall.ENOSPC
	}
	n := d.newInode(dir)
	n.mode |= perm & fs.ModePerm
	if dir {
		n.mode = fs.ModeDir | perm&fs.ModePerm
	}
	n.modified = d.wall(now)
	e.to = n
	d.change(now, e)
	return n, nil
}

// mkdirAll makes a directory and those above it, where they are missing.
func (d *Disk) mkdirAll(root *inode, now time.Duration, name string, perm fs.FileMode) error {
	name = path.Clean(name)
	for end := 0; end < len(name); {
		if next := strings.IndexByte(name[end:], '/'); next > 0 {
			end += next
		} else {
			end = len(name)
		}
		e, err := d.find(root, name[:end])
		switch {
		case err != nil:
			return err
		case e.to == nil:
			if _, err := d.create(now, e, true, perm); err != nil {
				return err
			}
		case e.to.dir == nil:
			return syscall.ENOTDIR
		}
		end++
	}
	return nil
}

// remove takes away a file, or a directory that is empty.
func (d *Disk) remove(root *inode, now time.Duration, name string) error {
	e, err := d.find(root, name)
	switch {
	case err != nil:
		return err
	case e.to == nil:
		return syscall.ENOENT
	case e.dir == nil:
		return syscall.EINVAL
	case e.to.dir != nil && len(e.to.dir.now) > 0:
		return syscall.ENOTEMPTY
	}
	old := e.to
	e.to = nil
	d.change(now, e)
	d.unlink(old)
	return nil
}

// rename gives what one name refers to another name, in place of what that referred to.
func (d *Disk) rename(root *inode, now time.Duration, from, to string) error {
	a, err := d.find(root, from)
	if err != nil {
		return err
	}
	b, err := d.find(root, to)
	switch {
	case err != nil:
		return err
	case a.to == nil:
		return syscall.ENOENT
	case a.dir == nil || b.dir == nil:
		return syscall.EBUSY
	case a.to == b.to:
		return nil
	case !b.dir.linked:
		return syscall.ENOENT
	}
	if a.to.above(b.dir) {
		return syscall.EINVAL
	}
	if b.to.above(a.dir) {
		return syscall.ENOTEMPTY
	}
	old := b.to
	if old != nil {
		switch {
		case a.to.dir != nil && old.dir == nil:
			return syscall.ENOTDIR
		case a.to.dir == nil && old.dir != nil:
			return syscall.EISDIR
		case old.dir != nil && len(old.dir.now) > 0:
			return syscall.ENOTEMPTY
		}
	}
	b.to, a.to = a.to, nil
	d.change(now, b, a)
	if old != nil {
		d.unlink(old)
	}
	return nil
}

// above says whether a directory is the other one or above it.
func (n *inode) above(other *inode) bool {
	for ; other != nil; other = other.dir.parent {
		if other == n {
			return true
		}
	}
	return false
}

// list gives a directory's entries in the order of names.
func (n *inode) list() []string {
	names := make([]string, 0, len(n.dir.now))
	for name := range n.dir.now {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
