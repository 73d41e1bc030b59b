package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"simrun/nodes/raft"
)

// If this failed, the library would read another log than from the storage that comes with it.
func TestTheLogReadsAsTheLibrarysOwnDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := raft.Members{Voters: []raft.Member{{ID: 1, Address: "a"}}}
		mine, theirs := &log{base: raft.Snapshot{Members: members}}, etcd.NewMemoryStorage()
		term := uint64(1)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			term += rapid.Uint64Range(0, 1).Draw(t, "term")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				index := mine.last() + rapid.Uint64Range(1, 5).Draw(t, "ahead")
				mine.restore(raft.Snapshot{Index: index, Term: term, Members: members})
				require.NoError(t, theirs.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: new(index), Term: new(term), ConfState: confState(members)}}))
			case 1:
				index := rapid.Uint64Range(mine.base.Index, mine.last()).Draw(t, "index")
				if index == mine.base.Index {
					continue
				}
				_, err := theirs.CreateSnapshot(index, confState(members), nil)
				require.NoError(t, err)
				require.NoError(t, theirs.Compact(index))
				t, _ := mine.Term(index)
				mine.compact(raft.Snapshot{Index: index, Term: t, Members: members})
			default:
				first := rapid.Uint64Range(mine.base.Index+1, mine.last()+1).Draw(t, "first")
				var entries []*pb.Entry
				for i := range rapid.Uint64Range(1, 4).Draw(t, "entries") {
					entries = append(entries, &pb.Entry{Index: new(first + i), Term: new(term), Data: make([]byte, rapid.IntRange(0, 20).Draw(t, "bytes"))})
				}
				mine.append(entries)
				require.NoError(t, theirs.Append(entries))
			}
			agree(t, mine, theirs)
		}
	})
}

func agree(t *rapid.T, mine, theirs etcd.Storage) {
	first, err := mine.FirstIndex()
	require.NoError(t, err)
	last, err := mine.LastIndex()
	require.NoError(t, err)
	otherFirst, _ := theirs.FirstIndex()
	otherLast, _ := theirs.LastIndex()
	require.Equal(t, []uint64{otherFirst, otherLast}, []uint64{first, last})
	for i := first - min(first, 3); i <= last+2; i++ {
		term, err := mine.Term(i)
		otherTerm, otherErr := theirs.Term(i)
		require.Equal(t, otherTerm, term, "of %d", i)
		require.Equal(t, otherErr, err, "of %d", i)
	}
	lo := rapid.Uint64Range(first-min(first, 2), last+1).Draw(t, "lo")
	hi := rapid.Uint64Range(lo, last+1).Draw(t, "hi")
	most := rapid.Uint64Range(0, 60).Draw(t, "most")
	if lo == hi && lo >= first {
		return // the library does not ask
	}
	entries, err := mine.Entries(lo, hi, most)
	others, otherErr := theirs.Entries(lo, hi, most)
	require.Equal(t, otherErr, err)
	require.Len(t, entries, len(others))
	for i := range entries {
		require.True(t, proto.Equal(others[i], entries[i]))
	}
}
