package broker

import (
	"errors"

	"simrun/nodes/log/partition"
)

// housekeep is the task that removes what is old, and compacts what is to be.
func (b *broker) housekeep() {
	for b.env.Sleep(b.config.Housekeep) == nil && !b.stopping {
		for _, r := range b.inOrder() {
			if log := r.log; log != nil && !r.cutting && !b.stopping {
				if err := b.tidy(r, log); err != nil && log == r.log {
					b.env.Log().Warn("housekeeping", "log", r.dir(), "err", err)
				}
			}
		}
	}
}

// tidy looks after one log. Where its records begin the leader decides; a follower learns it.
func (b *broker) tidy(r *replica, log *partition.Partition) error {
	var err error
	if r.leads && r.config.Deletes() {
		err = log.Retain()
	}
	if err == nil && r.config.Compacts() {
		var did bool
		if did, err = log.Compact(); did {
			b.record.Reach(compacted)
		}
	}
	switch {
	case log != r.log: // it was closed meanwhile
		return nil
	case errors.As(err, new(*partition.Corruption)):
		b.rotten(r, err)
	case errors.Is(err, partition.ErrBroken):
		b.fail(err)
	}
	return err
}
