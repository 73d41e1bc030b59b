package partition

import (
	"cmp"
	"slices"
)

// epochs is which leader appended what: the first offset of each epoch that has one.
//
// Invariant: epochs and starts rise.
type epochs struct {
	list  []epochStart
	dirty bool // the disk has another list
}

type epochStart struct {
	epoch int32
	start int64
}

// NoEpoch is the epoch of a log that has none yet.
const NoEpoch int32 = -1

func (e *epochs) latest() int32 {
	if len(e.list) == 0 {
		return NoEpoch
	}
	return e.list[len(e.list)-1].epoch
}

// assign says that what is appended at start is of that epoch. Epochs without a record give way to it.
func (e *epochs) assign(epoch int32, start int64) {
	if epoch <= e.latest() {
		return
	}
	for len(e.list) > 0 && e.list[len(e.list)-1].start >= start {
		e.list = e.list[:len(e.list)-1]
	}
	e.list = append(e.list, epochStart{epoch, start})
	e.dirty = true
}

// at is the epoch of the offset.
func (e *epochs) at(offset int64) int32 {
	i, found := slices.BinarySearchFunc(e.list, offset, func(s epochStart, offset int64) int { return cmp.Compare(s.start, offset) })
	if !found {
		i--
	}
	if i < 0 {
		return NoEpoch
	}
	return e.list[i].epoch
}

// cut forgets epochs that begin at the end of the log or beyond it.
func (e *epochs) cut(end int64) {
	for len(e.list) > 0 && e.list[len(e.list)-1].start >= end {
		e.list = e.list[:len(e.list)-1]
		e.dirty = true
	}
}

// retract lets the latest epoch begin at the end of the log, where what was appended is undone.
func (e *epochs) retract(end int64) {
	if last := len(e.list) - 1; last >= 0 && e.list[last].start > end {
		latest := e.list[last].epoch
		e.cut(end)
		e.assign(latest, end)
	}
}

// begin forgets what is below the start of the log.
func (e *epochs) begin(start int64) {
	for len(e.list) > 1 && e.list[1].start <= start {
		e.list = e.list[1:]
		e.dirty = true
	}
	if len(e.list) > 0 && e.list[0].start < start {
		e.list = slices.Clone(e.list)
		e.list[0].start = start
		e.dirty = true
	}
}

func (e *epochs) encode() (b []byte) {
	for _, s := range e.list {
		b = appendNumbers(b, int64(s.epoch), s.start)
	}
	return b
}

func decodeEpochs(content []byte) (e epochs, ok bool) {
	all := numbers(content)
	if len(content)%16 != 0 {
		return e, false
	}
	for ; len(all) > 0; all = all[2:] {
		s := epochStart{int32(all[0]), all[1]}
		if last := len(e.list) - 1; last >= 0 && (s.epoch <= e.list[last].epoch || s.start <= e.list[last].start) {
			return e, false
		}
		e.list = append(e.list, s)
	}
	return e, true
}

// saveEpochs makes the epochs durable. Whoever writes a batch of a new epoch has called it before.
func (p *Partition) saveEpochs() error {
	if !p.epochs.dirty {
		return nil
	}
	p.epochs.dirty = false
	if err := p.replace(fileEpochs, p.epochs.encode()); err != nil {
		p.epochs.dirty = true
		return err
	}
	return nil
}

// Epoch is the latest leader epoch in the log, or NoEpoch.
func (p *Partition) Epoch() int32 { return p.epochs.latest() }

// StartEpoch says that from now on a leader of this epoch appends. Lower epochs change nothing.
func (p *Partition) StartEpoch(epoch int32) { p.epochs.assign(epoch, p.next) }

// EndOfEpoch is the latest epoch in the log that is not above the given one, and the offset at which it ends here: where a follower's log with
// that epoch as its last may part from this one. For the latest epoch that is Next. It is NoEpoch and -1 if the given epoch
// is above all that are known, or there is none; the given epoch and the log's first epoch's start if it is below all of them. Source: KIP-101,
// KIP-279.
func (p *Partition) EndOfEpoch(epoch int32) (of int32, end int64) {
	list := p.epochs.list
	switch {
	case len(list) == 0 || epoch > p.epochs.latest() || epoch < 0:
		return NoEpoch, -1
	case epoch == p.epochs.latest():
		return epoch, p.next
	case epoch < list[0].epoch:
		return epoch, list[0].start
	}
	i := 0
	for i+1 < len(list) && list[i+1].epoch <= epoch {
		i++
	}
	return list[i].epoch, list[i+1].start
}
