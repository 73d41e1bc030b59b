package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/partition"
)

// The logs lie in topics/NAME/INDEX.ID, one that was found damaged in topics/NAME/INDEX.ID.damaged. Beside it stands
// INDEX.ID.lost for as long as the controllers may not know of that: until then nobody may forget it, or this broker would be
// trusted with an empty log.
const (
	topicsDir     = "topics"
	damagedSuffix = ".damaged"
	lostSuffix    = ".lost"
	memoryFile    = "broker.json"
)

// memory is what a broker remembers of itself.
type memory struct {
	// ID is the broker's. A disk on which another is remembered is not this broker's.
	ID int32
	// Told says that the controllers know what this disk lacks.
	Told bool
	// Orderly says that the last life ended in order, with everything on the disk.
	Orderly bool
}

// remember writes down what the broker is to know of itself in its next life.
func (b *broker) remember(told, orderly bool) error {
	content, err := json.Marshal(memory{ID: b.place.id, Told: told, Orderly: orderly})
	if err != nil {
		return err
	}
	f, err := b.env.FS().OpenFile(memoryFile+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(content, 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := b.env.FS().Rename(memoryFile+".new", memoryFile); err != nil {
		return err
	}
	return b.env.FS().SyncDir(".")
}

// recall says whether what an earlier life said that it has is still there: it synced before it said so, or it ended in order.
func (b *broker) recall() (kept bool, err error) {
	f, err := b.env.FS().OpenFile(memoryFile, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil || size > 1<<10 {
		return false, errors.Join(err, errMemory)
	}
	content := make([]byte, size)
	if _, err := f.ReadAt(content, 0); err != nil {
		return false, err
	}
	var m memory
	if json.Unmarshal(content, &m) != nil {
		return false, nil // it rotted: trust nothing
	}
	if m.ID != b.place.id {
		return false, fmt.Errorf("broker: this disk is that of broker %d, and this is broker %d", m.ID, b.place.id)
	}
	return m.Told && (m.Orderly || b.config.Sync == partition.Always), nil
}

var errMemory = errors.New("broker: " + memoryFile + " is too long")

// recoverLogs opens all that is on the disk. What cannot be opened because it is damaged is put aside: others have it.
func (b *broker) recoverLogs() error {
	kept, err := b.recall()
	if err != nil {
		return err
	}
	b.session.kept = kept
	if err := b.remember(kept, false); err != nil {
		return err
	}
	files := b.env.FS()
	if err := files.MkdirAll(topicsDir, 0o755); err != nil {
		return err
	}
	if err := files.SyncDir("."); err != nil {
		return err
	}
	topics, err := files.ReadDir(topicsDir)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		logs, err := files.ReadDir(path.Join(topicsDir, topic.Name()))
		if err != nil {
			return err
		}
		for _, entry := range logs {
			name, lost := strings.CutSuffix(entry.Name(), lostSuffix)
			index, id, ok := strings.Cut(name, ".")
			number, err := strconv.ParseInt(index, 10, 32)
			if !ok || err != nil || number < 0 || strings.Contains(id, ".") || id == "" {
				continue // not one of ours, or one that was put aside
			}
			ref := cluster.Ref{Topic: topic.Name(), ID: id, Index: int32(number)}
			if lost {
				b.session.lost = append(b.session.lost, ref)
			} else if err := b.recoverLog(ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// toldOfLoss is called once the controllers know what this disk lacks.
func (b *broker) toldOfLoss() error {
	for _, ref := range b.session.lost {
		r := replica{ref: ref}
		if err := b.env.FS().Remove(r.dir() + lostSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := b.env.FS().SyncDir(path.Dir(r.dir())); err != nil {
			return err
		}
	}
	return b.remember(true, false)
}

// recoverLog opens one log. How its topic is configured the state will say.
func (b *broker) recoverLog(ref cluster.Ref) error {
	r := b.newReplica(ref)
	if _, err := b.env.FS().Stat(r.dir() + lostSuffix); err == nil { // found damaged by a life that could do no more
		if err := r.putAside(); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.open(b.config.topic(nil))
}

// rotten ends this life, for a log has rotted: the next puts it aside before it says what it has.
func (b *broker) rotten(r *replica, why error) {
	if err := r.markLost(); err != nil {
		why = errors.Join(why, err)
	}
	b.fail(why)
}

// markLost notes that the log is damaged.
func (r *replica) markLost() error {
	f, err := r.b.env.FS().OpenFile(r.dir()+lostSuffix, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return r.b.env.FS().SyncDir(path.Dir(r.dir()))
}

func (r *replica) dir() string {
	return path.Join(topicsDir, r.ref.Topic, fmt.Sprintf("%d.%s", r.ref.Index, r.ref.ID))
}

// open opens the replica's log. One that is damaged is put aside, and the log begins anew.
func (r *replica) open(config cluster.Config) error {
	options := r.b.config.partition(config)
	options.Codec, options.Grown = r.b.codec, r.grown
	log, err := partition.Open(r.b.env, r.dir(), options)
	if errors.As(err, new(*partition.Corruption)) {
		r.b.record.Reach(damageFound)
		r.b.env.Log().Error("a log is damaged; it is put aside, and fetched anew", "dir", r.dir(), "err", err)
		if err := errors.Join(r.markLost(), r.putAside()); err != nil {
			return err
		}
		r.b.session.lost = append(r.b.session.lost, r.ref)
		log, err = partition.Open(r.b.env, r.dir(), options)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.dir(), err)
	}
	r.log = log
	r.log.KeepRemovals(r.everywhere)
	r.config = config
	return nil
}

// putAside renames a log's directory, in the place of one that was put aside before.
func (r *replica) putAside() error {
	aside := r.dir() + damagedSuffix
	if err := r.b.erase(aside); err != nil {
		return err
	}
	if err := r.b.env.FS().Rename(r.dir(), aside); err != nil {
		return err
	}
	return r.b.env.FS().SyncDir(path.Dir(aside))
}

// erase removes a log's directory, if it is there.
func (b *broker) erase(dir string) error {
	if _, err := b.env.FS().Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := partition.Discard(b.env, dir); err != nil {
		return err
	}
	if err := b.env.FS().Remove(dir); err != nil {
		return err
	}
	return b.env.FS().SyncDir(path.Dir(dir))
}

// closeLogs makes everything durable.
func (b *broker) closeLogs() (failed error) {
	for _, r := range b.inOrder() {
		if log := r.log; log != nil {
			r.stepDown()
			r.log = nil
			failed = errors.Join(failed, log.Close())
		}
	}
	return failed
}

// keep is the task that opens and closes logs as the controllers decide. It begins once this life is registered: before, what is
// known may be older than what an earlier life had done.
func (b *broker) keep() {
	for !b.stopping {
		if !b.session.known || len(b.changes) == 0 && b.session.swept {
			b.session.busy = false
			b.applied.Broadcast()
			if b.keeping.Wait() != nil {
				return
			}
			continue
		}
		b.session.busy = true
		changes := b.changes
		b.changes = nil
		first := !b.session.swept
		if first {
			changes = b.everything()
		}
		for _, ref := range changes {
			if b.stopping {
				return
			}
			if err := b.settle(ref); err != nil && !b.stopping {
				b.fail(err)
			}
		}
		if first {
			b.session.swept = true
			for _, r := range b.inOrder() {
				r.look()
			}
			b.session.news.Signal()
		}
	}
}

// everything are the partitions of which there is a log here, and all that there are.
func (b *broker) everything() (all []cluster.Ref) {
	for _, r := range b.inOrder() {
		all = append(all, r.ref)
	}
	for _, t := range b.state.Topics() {
		for i := range t.Partitions {
			all = append(all, cluster.Ref{Topic: t.Name, ID: t.ID, Index: int32(i)})
		}
	}
	return all
}

// settle makes this broker have a replica, or have none, as the state says.
func (b *broker) settle(ref cluster.Ref) error {
	t, p := b.state.Find(ref)
	r := b.replicas[ref]
	switch mine := p != nil && slices.Contains(p.Replicas, b.place.id); {
	case mine && r == nil:
		r = b.newReplica(ref)
		if err := r.open(t.Config); err != nil {
			return err
		}
		if b.session.swept {
			r.look()
		}
	case mine && !b.session.swept && !same(r.config, t.Config):
		return r.reopen(t.Config)
	case !mine && r != nil && r.log != nil:
		log := r.log
		r.stepDown()
		r.log = nil
		r.wakeAll()
		if err := log.Close(); err != nil {
			return err
		}
		delete(b.replicas, ref)
		b.record.Reach(logErased)
		return b.erase(r.dir())
	}
	return nil
}

// reopen gives a log that was opened before its topic was known the topic's configuration.
func (r *replica) reopen(config cluster.Config) error {
	log := r.log
	r.log = nil
	if err := log.Close(); err != nil {
		return err
	}
	return r.open(config)
}

func (r *replica) wakeAll() {
	for _, w := range r.watches {
		w.signal()
	}
}

func same(a, b cluster.Config) bool {
	for _, s := range cluster.Settings {
		if a.Get(s.Name) != b.Get(s.Name) {
			return false
		}
	}
	return true
}
