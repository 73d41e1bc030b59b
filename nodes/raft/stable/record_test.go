package stable

import (
	"testing"

	"simrun/nodes/raft"
)

// If this failed, a server whose disk holds what no server wrote would crash at each start instead of saying so.
func FuzzReplay(f *testing.F) {
	f.Add(appendIdentity(appendHead(nil, identityRecord, 1), Identity{7, 9}), false)
	f.Add(raft.AppendSave(appendHead(nil, saveRecord, 1), &raft.Save{Term: 3, Vote: 2,
		Entries: []raft.Entry{{Index: 1, Term: 3, Kind: raft.Command, Data: []byte("x")}}}), false)
	for body := range pieces(&raft.Snapshot{Index: 4, Term: 1, Members: raft.Members{Voters: []raft.Member{{ID: 1}}}}, 1, 0) {
		f.Add(append(appendHead(nil, pieceRecord, 1), body...), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, compacted bool) {
		s := &Store{blank: true}
		if s.take(b, compacted) == nil {
			_ = s.take(b, true)
		}
	})
}
