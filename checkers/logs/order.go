package logs

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers/linear"
)

// byClient is each client's operations in the order of their calls.
func byClient(ops []Op) (all [][]*Op) {
	place := map[int32]int{}
	for i := range ops {
		o := &ops[i]
		at, known := place[o.Client]
		if !known {
			at = len(all)
			place[o.Client] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], o)
	}
	for _, mine := range all {
		earlier := func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) }
		if !slices.IsSortedFunc(mine, earlier) {
			slices.SortStableFunc(mine, earlier)
		}
	}
	return all
}

// sends looks at each client's messages to a partition, and those of one key: what it sent after it was told that another
// had arrived must come after that one, and so must what it sent later in one operation.
func (b *board) sends() {
	for _, mine := range b.clients {
		var ended []int
		for i, o := range mine {
			if o.Certain() {
				ended = append(ended, i)
			}
		}
		slices.SortStableFunc(ended, func(i, j int) int { return cmp.Compare(mine[i].Return, mine[j].Return) })
		arrived := newest{}
		for i, o := range mine {
			for ; len(ended) > 0; ended = ended[1:] {
				e := mine[ended[0]]
				if e.Return > o.Call || e.Return == o.Call && ended[0] >= i {
					break
				}
				for m := range b.arrivals(e) {
					arrived.raise(m)
				}
			}
			within := newest{}
			for m := range b.arrivals(o) {
				b.inOrder("nonmonotonic-send", arrived, m)
				b.inOrder("int-nonmonotonic-send", within, m)
				within.raise(m)
			}
		}
	}
}

// arrivals gives the messages of an operation whose offsets are known.
func (b *board) arrivals(o *Op) func(yield func(*message) bool) {
	return func(yield func(*message) bool) {
		for j := range o.Sent {
			if m := b.messages[o.Sent[j].Value]; m.shown != nil && o.Possible() && !yield(m) {
				return
			}
		}
	}
}

// newest is the message with the highest offset in each partition, and of each key in it.
type newest map[keyed]*message

func (n newest) raise(m *message) {
	for _, k := range []keyed{{m.at.partition, linear.Nil}, {m.at.partition, m.Key}} {
		if before := n[k]; before == nil || before.at.offset < m.at.offset {
			n[k] = m
		}
	}
}

// inOrder holds a message against what must stand before it.
func (b *board) inOrder(kind string, earlier newest, m *message) {
	if first := earlier[keyed{m.at.partition, linear.Nil}]; first != nil && first.at.offset >= m.at.offset {
		b.take(kind, b.name(m.at.partition), b.swapped(first, m), first.by, m.by)
	}
	if m.Key == linear.Nil {
		return
	}
	if first := earlier[keyed{m.at.partition, m.Key}]; first != nil && first.at.offset >= m.at.offset {
		b.take("unordered-key", b.name(m.Key), b.swapped(first, m), first.by, m.by)
	}
}

func (b *board) swapped(first, then *message) string {
	return fmt.Sprintf("operation %d sent %s and then%s %s, which stand at offsets %d and %d of partition %s", first.by.ID, b.name(first.Value),
		again(first.by, then.by), b.name(then.Value), first.at.offset, then.at.offset, b.name(then.at.partition))
}

// again names the second of two operations of a client, if it is another.
func again(first, then *Op) string {
	if first == then {
		return ""
	}
	return fmt.Sprintf(" operation %d of the same client", then.ID)
}

// polls looks at what each client polled of a partition: each record must be the next after the one before, unless the client
// was given partitions anew in between, or does not know what it polled.
func (b *board) polls() {
	type position struct {
		offset int64
		by     *Op
	}
	for _, mine := range b.clients {
		at := map[linear.Value]position{}
		var last *Op
		for _, o := range mine {
			if o.Moved || o.Polls && o.Possible() && !o.ok() || last != nil && last.Return > o.Call && o.Polls {
				clear(at)
			}
			if o.Polls {
				last = o
			}
			if !o.ok() {
				continue
			}
			for _, r := range o.Polled {
				before, known := at[r.Partition]
				at[r.Partition] = position{r.Offset, o}
				if !known || o.Moved && before.by == o {
					continue
				}
				within := ""
				if before.by == o {
					within = "int-"
				}
				p := b.partitions[r.Partition]
				if r.Offset <= before.offset {
					b.take(within+"nonmonotonic-poll", b.name(r.Partition), fmt.Sprintf("operation %d polled offset %d of partition %s and then%s %d",
						before.by.ID, before.offset, b.name(r.Partition), again(before.by, o), r.Offset), before.by, o)
				} else if skipped, is := p.between(before.offset, r.Offset); is {
					seen := p.shown[skipped]
					b.take(within+"poll-skip", b.name(r.Partition), fmt.Sprintf("operation %d polled offset %d of partition %s and then%s %d, although operation %d shows %s at %d",
						before.by.ID, before.offset, b.name(r.Partition), again(before.by, o), r.Offset, seen.by.ID, b.name(seen.value), skipped), before.by, seen.by, o)
				}
			}
		}
	}
}

// between is a record that must be seen between two offsets.
func (p *partition) between(from, to int64) (int64, bool) {
	if to-from == 1 {
		return 0, false
	}
	i, found := slices.BinarySearch(p.offsets, from)
	if found {
		for i < len(p.offsets) && p.offsets[i] == from {
			i++
		}
	}
	if i < len(p.offsets) && p.offsets[i] < to {
		return p.offsets[i], true
	}
	return 0, false
}
