package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"simrun/nodes/raft"
)

// log is the part of the log that the library has handed out to be kept, as it reads it again (etcd.Storage). It is in
// memory, and runs ahead of the disk: the library does not count on an entry before it was told that it is durable.
//
// Invariants: entries[i] is that of index base.Index+1+i; bytes is the sum of their data.
type log struct {
	began   *pb.HardState // what the disk held when the server came back
	base    raft.Snapshot // stands for all before
	entries []*pb.Entry
	bytes   int
	today   raft.Members // those that count now
	wanted  bool         // a snapshot was asked for that names all of them
}

var _ etcd.Storage = (*log)(nil)

func (l *log) last() uint64 { return l.base.Index + uint64(len(l.entries)) }

// append takes over entries, in the place of those that have their index.
func (l *log) append(entries []*pb.Entry) {
	if len(entries) == 0 {
		return
	}
	first := entries[0].GetIndex()
	if first <= l.base.Index || first > l.last()+1 {
		panic(fmt.Sprintf("etcdraft: entry %d cannot follow %d..%d", first, l.base.Index, l.last()))
	}
	at := first - l.base.Index - 1
	l.bytes += dataOf(entries) - dataOf(l.entries[at:])
	if l.last() >= first {
		l.entries = l.entries[:at:at] // the library may be reading what is replaced
	}
	l.entries = append(l.entries, entries...)
}

// restore makes it a log of nothing but a snapshot.
func (l *log) restore(s raft.Snapshot) { *l = log{began: l.began, base: s, today: s.Members} }

// compact lets a snapshot stand for its entries.
func (l *log) compact(s raft.Snapshot) {
	n := s.Index - l.base.Index
	l.bytes -= dataOf(l.entries[:n])
	l.base, l.entries, l.wanted = s, append([]*pb.Entry(nil), l.entries[n:]...), false
}

func dataOf(entries []*pb.Entry) (bytes int) {
	for _, e := range entries {
		bytes += len(e.GetData())
	}
	return bytes
}

// InitialState is etcd.Storage's.
func (l *log) InitialState() (*pb.HardState, *pb.ConfState, error) {
	return l.began, confState(l.base.Members), nil
}

// Entries is etcd.Storage's.
func (l *log) Entries(lo, hi, most uint64) ([]*pb.Entry, error) {
	switch {
	case lo <= l.base.Index:
		return nil, etcd.ErrCompacted
	case hi > l.last()+1 || lo >= hi:
		return nil, etcd.ErrUnavailable
	}
	all := l.entries[lo-l.base.Index-1 : hi-l.base.Index-1]
	n, size := 1, uint64(proto.Size(all[0]))
	for ; n < len(all); n++ {
		if size += uint64(proto.Size(all[n])); size > most {
			break
		}
	}
	return all[:n:n], nil
}

// Term is etcd.Storage's.
func (l *log) Term(i uint64) (uint64, error) {
	switch {
	case i < l.base.Index:
		return 0, etcd.ErrCompacted
	case i > l.last():
		return 0, etcd.ErrUnavailable
	case i == l.base.Index:
		return l.base.Term, nil
	}
	return l.entries[i-l.base.Index-1].GetTerm(), nil
}

// FirstIndex is etcd.Storage's.
func (l *log) FirstIndex() (uint64, error) { return l.base.Index + 1, nil }

// LastIndex is etcd.Storage's.
func (l *log) LastIndex() (uint64, error) { return l.last(), nil }

// Snapshot is etcd.Storage's. Its data says where the members are reached too, which the library does not know.
//
// A server refuses a snapshot that does not name it as a member, and the leader sends the same again as soon as it hears of
// that: without a pause, and for ever. So one of before somebody joined is no snapshot for now, and another is made.
func (l *log) Snapshot() (*pb.Snapshot, error) {
	for _, m := range l.today.All() {
		if !l.base.Members.Has(m.ID) {
			l.wanted = true
			return nil, etcd.ErrSnapshotTemporarilyUnavailable
		}
	}
	return &pb.Snapshot{
		Data:     raft.AppendSnapshot(nil, &l.base, l.base.Term, 0),
		Metadata: &pb.SnapshotMetadata{Index: new(l.base.Index), Term: new(l.base.Term), ConfState: confState(l.base.Members)},
	}, nil
}

// wrap is an entry as it is kept: with its type, and with what was known to be committed when it was written down.
//
// The library wants that to be kept with the entries (HardState.Commit), and not as a mere hint. It lets members count from
// when they are applied, and refuses to campaign while changes are committed that it has not applied. A server that came back
// without knowing that would campaign among the members of before, with a log that says that they are no more: of two
// changes of members, the one that ends the first is only sent together with the news that the first is committed.
func wrap(e *pb.Entry, commit uint64) raft.Entry {
	data := binary.AppendUvarint(make([]byte, 0, len(e.GetData())+6), commit)
	data = append(append(data, byte(e.GetType())), e.GetData()...)
	return raft.Entry{Index: e.GetIndex(), Term: e.GetTerm(), Kind: raft.Command, Data: data}
}

var errEntry = errors.New("etcdraft: an entry of the log that this program has not written")

func unwrap(e *raft.Entry) (entry *pb.Entry, commit uint64, err error) {
	commit, n := binary.Uvarint(e.Data)
	if n <= 0 || n == len(e.Data) || pb.EntryType(e.Data[n]) > pb.EntryConfChangeV2 || e.Kind != raft.Command {
		return nil, 0, fmt.Errorf("%w: %d", errEntry, e.Index)
	}
	return &pb.Entry{Index: new(e.Index), Term: new(e.Term), Type: pb.EntryType(e.Data[n]).Enum(), Data: e.Data[n+1:]}, commit, nil
}

// recall is the log as a disk holds it.
func recall(s raft.State) (*log, error) {
	l := &log{base: s.Snapshot, today: s.Snapshot.Members}
	commit := s.Snapshot.Index
	for i := range s.Entries {
		e, known, err := unwrap(&s.Entries[i])
		if err != nil {
			return nil, err
		}
		commit = max(commit, known)
		l.append([]*pb.Entry{e})
	}
	if s.Term > 0 || commit > 0 {
		l.began = &pb.HardState{Term: new(s.Term), Vote: new(uint64(s.Vote)), Commit: new(commit)}
	}
	return l, nil
}
