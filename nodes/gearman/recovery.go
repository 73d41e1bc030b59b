package gearman

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"simrun/nodes"
	"simrun/nodes/journal"
)

// journalDir is where the journal lies in the server's data.
const journalDir = "journal"

// recover reads the journal, and takes up the jobs that it holds: all are queued again, also those
// that a worker had when the server ended.
func (v *server) recover() error {
	r := recovered{jobs: map[string]*job{}, functions: &v.functions}
	record := v.config.MaxPacket + nodes.Bytes(MaxHandle+MaxUnique+2*longestFunction+64)
	options := journal.Options{
		Sync: v.config.Sync, Interval: v.config.SyncInterval,
		SegmentBytes: v.config.Segment, GrowBytes: min(v.config.Segment, 256<<10), CompactBytes: v.config.Compact,
		RecordBytes: record, PendingBytes: mostUnsynced + 2*record,
	}
	log, err := journal.Open(v.env, journalDir, options, r.replay)
	if err != nil {
		v.record.Sometimes(damageRefused, errors.As(err, new(*journal.Corruption)))
		return fmt.Errorf("the jobs of earlier lives cannot be read: %w", err)
	}
	v.journal = log
	jobs := r.inOrder()
	for _, j := range jobs {
		v.revive(j)
	}
	if len(jobs) > 0 {
		v.record.Note("replayed")
		v.record.Reach(outlived)
	}
	v.env.Log().Info("journal read", "jobs", len(jobs), "journal", log.String())
	return nil
}

// revive takes up one job.
func (v *server) revive(j *job) {
	j.key = string(j.handle)
	j.background, j.recorded, j.place = true, true, 1
	v.number = max(v.number, j.number)
	j.order = j.number
	j.identity = identityOf(j.unique, j.data)
	v.jobs[j.key] = j
	v.stored += j.size()
	v.uniques.add(j)
	j.function.total++
	v.total++
	if v.config.Retries > 0 && j.attempts > v.config.Retries {
		v.record.Reach(exhaustedOnce)
		j.state = pending // in no queue; nobody is there to be told
		v.exhaust(j)
		return
	}
	v.admit(j)
}

// live are the records of all jobs that the journal must still hold, as of now. It may be read later: of a job
// nothing recorded changes but its attempts, which are noted now, and one that the disk has refused in between is left out.
func (v *server) live() iter.Seq[[]byte] {
	type image struct {
		job    *job
		record submitted
	}
	var images []image
	for _, j := range v.jobs {
		if j.recorded && j.state != ending {
			images = append(images, image{job: j, record: j.submitted()})
		}
	}
	slices.SortFunc(images, func(a, b image) int { return cmp.Compare(a.job.number, b.job.number) })
	return func(yield func([]byte) bool) {
		var buf []byte
		for _, i := range images {
			if !i.job.recorded {
				continue
			}
			buf = appendSubmitted(buf[:0], &i.record)
			if !yield(buf) {
				return
			}
		}
	}
}

// submitted is the job's record.
func (j *job) submitted() submitted {
	return submitted{
		number: j.number, epoch: j.epoch, attempts: j.attempts, priority: j.priority,
		handle: j.handle, function: []byte(j.function.name), unique: j.unique, reducer: j.reducer, data: j.data,
	}
}

// recovered gathers what a journal holds.
type recovered struct {
	jobs      map[string]*job
	functions *functions
}

// replay takes up one record. The end of an unknown job is that of one whose submission the disk had refused.
func (r *recovered) replay(record journal.Record) error {
	if err := r.take(record.Payload); err != nil {
		return fmt.Errorf("record %d: %w", record.Number, err)
	}
	return nil
}

func (r *recovered) take(record []byte) error {
	if len(record) == 0 {
		return fmt.Errorf("%w: empty", errRecord)
	}
	kind, rest := record[0], record[1:]
	switch kind {
	case recordSubmitted:
		s, err := parseSubmitted(rest)
		if err != nil {
			return err
		}
		j := s.job()
		j.function = r.functions.known(s.function)
		r.jobs[string(j.handle)] = j
	case recordAttempted:
		handle, attempts, err := parseAttempted(rest)
		if err != nil {
			return err
		}
		if j := r.jobs[string(handle)]; j != nil {
			j.attempts = attempts
		}
	case recordEnded:
		delete(r.jobs, string(rest))
	default:
		return fmt.Errorf("%w: of the unknown kind %#x", errRecord, kind)
	}
	return nil
}

// job is the job of a record, in memory of its own.
func (s *submitted) job() *job {
	j := &job{number: s.number, epoch: s.epoch, attempts: s.attempts, priority: s.priority}
	j.own(s.handle, s.unique, s.reducer, s.data)
	return j
}

// inOrder are the jobs in the order in which they were submitted.
func (r *recovered) inOrder() []*job {
	return slices.SortedFunc(maps.Values(r.jobs), func(a, b *job) int { return cmp.Compare(a.number, b.number) })
}
