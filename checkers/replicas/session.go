package replicas

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers/linear"
)

// Guarantee is a set of what a client may rely on within its session (Terry et al., PDIS 1994). All four are about one key
// at a time; that a client sees the cause of what it sees of another key is causal consistency, which is more.
type Guarantee uint8

// The guarantees.
const (
	ReadYourWrites    Guarantee = 1 << iota // a read sees the client's own earlier write, or a newer one
	MonotonicReads                          // a read sees what the client's earlier read saw, or what is newer
	MonotonicWrites                         // a client's writes take effect in the order in which it made them
	WritesFollowReads                       // a write takes effect on top of what its client had read
)

// All four.
const All = ReadYourWrites | MonotonicReads | MonotonicWrites | WritesFollowReads

// String is the guarantee's name.
func (g Guarantee) String() string {
	switch g {
	case ReadYourWrites:
		return "read-your-writes"
	case MonotonicReads:
		return "monotonic-reads"
	case MonotonicWrites:
		return "monotonic-writes"
	case WritesFollowReads:
		return "writes-follow-reads"
	default:
		return "session-guarantees"
	}
}

// Sessions looks for a violation of each guarantee, and shows it by two accesses; by three where another had to tell the version.
// An access's Client is its session. What the client did before is what had been answered by then: a write whose answer
// was lost promises it nothing.
//
// Where versions are not known, an order of versions that keeps all guarantees may still be impossible: one client saw a
// before b, and another b before a. That is found too, and shown by the accesses that exclude one another; there, of several accesses that
// a client has under way at once only one counts, and of its earlier writes and reads the last. For a sequential client and
// all four guarantees nothing is overlooked.
func Sessions(accesses []Access, g Guarantee, name func(linear.Value) string) []linear.Result {
	s := &sessions{want: g, name: name, found: map[string]linear.Result{}}
	if name == nil {
		s.name = number
	}
	for _, b := range books(accesses) {
		if !s.forked(b) {
			s.judge(b)
		}
	}
	var all []linear.Result
	for _, kind := range slices.Sorted(slices.Values(s.kinds)) {
		all = append(all, s.found[kind])
	}
	return all
}

type sessions struct {
	want  Guarantee
	name  func(linear.Value) string
	kinds []string
	found map[string]linear.Result
}

// take keeps the least witness of each kind.
func (s *sessions) take(b *book, r linear.Result) {
	before, known := s.found[r.Anomaly]
	if !known {
		s.kinds = append(s.kinds, r.Anomaly)
	}
	if !known || len(r.Witness) < len(before.Witness) {
		r.Object = s.name(b.key)
		s.found[r.Anomaly] = r
	}
}

// forked tells of two accesses that were told versions which cannot be those of one key.
func (s *sessions) forked(b *book) bool {
	one, other := b.fork()
	if one == nil {
		return false
	}
	s.take(b, shown("forked-version", fmt.Sprintf("%s was %s at version %d for operation %d, and %s at version %d for operation %d",
		s.name(b.key), s.name(one.Value), one.Version, one.ID, s.name(other.Value), other.Version, other.ID), one, other))
	return true
}

// judge goes through each client's accesses of a key.
func (s *sessions) judge(b *book) {
	all := true
	byClient := slices.Clone(b.accesses)
	slices.SortStableFunc(byClient, func(a, c *Access) int { return cmp.Compare(a.Client, c.Client) })
	var clients [][]*Access
	for len(byClient) > 0 {
		n := 1
		for n < len(byClient) && byClient[n].Client == byClient[0].Client {
			n++
		}
		clients = append(clients, byClient[:n:n])
		byClient = byClient[n:]
	}
	for _, mine := range clients {
		all = s.versions(b, mine) && all
	}
	if !all {
		s.order(b, clients)
	}
}

// highest is the access of the newest version that a client knows of.
type highest struct {
	access, teller *Access
	version        int64
}

func (h *highest) raise(a, teller *Access, version int64) {
	if h.access == nil || version > h.version {
		*h = highest{a, teller, version}
	}
}

// versions holds each access of a client against the newest version that the client had read by its call, and the newest
// that it had written. It returns false if a version is not known.
func (s *sessions) versions(b *book, mine []*Access) bool {
	var ended []int
	for i, a := range mine {
		if a.Certain() {
			ended = append(ended, i)
		}
	}
	slices.SortStableFunc(ended, func(i, j int) int { return cmp.Compare(mine[i].Return, mine[j].Return) })
	var read, wrote highest
	all := true
	for i, a := range mine {
		for len(ended) > 0 && isBefore(mine, ended[0], i) {
			e := mine[ended[0]]
			ended = ended[1:]
			version, teller, known := b.place(e)
			switch {
			case !known:
			case e.writes():
				wrote.raise(e, teller, version)
			default:
				read.raise(e, teller, version)
			}
		}
		version, teller, known := b.place(a)
		all = all && known
		if !known {
			continue
		}
		for _, h := range []*highest{&wrote, &read} {
			if h.access == nil || h.version < version || !a.writes() && h.version == version {
				continue
			}
			if g := between(h.access, a); s.want&g != 0 {
				s.take(b, s.violation(g, b, h, a, teller, version))
			}
		}
	}
	return all
}

// isBefore says whether the i-th access of a client was answered by the call of the j-th, both in the order of their calls.
func isBefore(mine []*Access, i, j int) bool {
	return mine[i].Return < mine[j].Call || mine[i].Return == mine[j].Call && i < j
}

// between is the guarantee that is about an access and a later one.
func between(first, then *Access) Guarantee {
	switch {
	case first.writes() && then.writes():
		return MonotonicWrites
	case first.writes():
		return ReadYourWrites
	case then.writes():
		return WritesFollowReads
	default:
		return MonotonicReads
	}
}

func (s *sessions) violation(g Guarantee, b *book, h *highest, a, teller *Access, version int64) linear.Result {
	did := map[bool]string{true: "wrote", false: "read"}
	return shown(g.String(), fmt.Sprintf("operation %d %s %s at version %s, and operation %d of the same client then %s it at version %s", h.access.ID,
		did[h.access.writes()], s.name(b.key), spell(h.version), a.ID, did[a.writes()], spell(version)), h.access, a, h.teller, teller)
}

func spell(version int64) string {
	if version == oldest {
		return "none"
	}
	return fmt.Sprint(version)
}
