package recording

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/scenarios"
)

// Slice is what of a run one thing that went wrong hangs on: the operations that show it, what was said about them and the
// disks' part, within their causal past, and what struck those who took part meanwhile.
type Slice struct {
	Claim   *scenarios.ClaimResult // what is violated; nil if it is a finding
	Finding *scenarios.Finding
	Names   []string // what the messages were known by: a handle, a key
	From    time.Duration
	To      time.Duration
	// Hosts take part: clients, then servers, then workers.
	Hosts []string
	// Operations are those of the witness.
	Operations []*history.Operation
	Messages   []*Message // in the order in which they were sent
	Disk       []Event
	Notes      []Event
	Downs      []history.Down
	// Others is how many messages about it there were that are not among Messages.
	Others int
	// Past is how many events of the run happened before it, in the order of cause and effect.
	Past int
}

// The bounds of a slice: a picture of more shows nothing.
const (
	mostMessages = 28
	mostLanes    = 7
	mostDisk     = 24
)

// Slice is the slice of the first claim that is violated and should not be, else of the first finding, else of the first
// claim that is violated; nil if there is none.
func (r *Recording) Slice() *Slice {
	var chosen *scenarios.ClaimResult
	for i := range r.Result.Claims {
		c := &r.Result.Claims[i]
		if c.Verdict == scenarios.Violated && (chosen == nil || chosen.Expect == scenarios.Violated && c.Expect != scenarios.Violated) {
			chosen = c
		}
	}
	switch {
	case len(r.Result.Findings) > 0 && (chosen == nil || chosen.Expect == scenarios.Violated):
		return r.ofFinding(&r.Result.Findings[0])
	case chosen != nil:
		return r.OfClaim(chosen)
	}
	return nil
}

// OfClaim is the slice of a violated claim; nil if the claim has no witness.
func (r *Recording) OfClaim(c *scenarios.ClaimResult) *Slice {
	s := &Slice{Claim: c, From: r.History.End}
	family := r.family(c.Witness)
	if len(family) == 0 {
		return nil
	}
	cast := map[string]bool{}
	for _, o := range family {
		cast[o.Host] = true
		s.From = min(s.From, o.Call)
		if o.Outcome != history.Pending {
			s.To = max(s.To, o.Return)
		} else {
			s.To = max(s.To, o.Call)
		}
		if slices.Contains(c.Witness, o.ID) {
			s.Operations = append(s.Operations, o)
		}
	}
	r.callOut(family, cast)
	s.Names = r.names(family)
	for _, line := range c.Story { // what the check tells of belongs to it, up to the end of the run if it says so
		if at, _, ok := Moment(line); ok {
			s.From, s.To = min(s.From, at), max(s.To, at)
		}
	}
	horizon := r.past(cast, s.To)
	s.Past = r.before(horizon)
	r.addMessages(s, family, cast, horizon)
	r.addHosts(s, cast)
	r.addDisks(s)
	r.addWeather(s)
	return s
}

// ofFinding is what a host did last before something was found on it.
func (r *Recording) ofFinding(f *scenarios.Finding) *Slice {
	at := time.Duration(f.At * float64(time.Second))
	s := &Slice{Finding: f, To: at + time.Millisecond, From: at}
	cast := map[string]bool{f.Host: true}
	for i := len(r.Messages) - 1; i >= 0 && len(s.Messages) < mostMessages/3; i-- {
		m := &r.Messages[i]
		if m.At > s.To || m.Quiet || m.From != f.Host && m.To != f.Host {
			continue
		}
		if !cast[m.From] || !cast[m.To] {
			if len(cast) == 4 {
				continue
			}
			cast[m.From], cast[m.To] = true, true
		}
		s.Messages = append(s.Messages, m)
		s.From = min(s.From, m.Sent)
	}
	slices.Reverse(s.Messages)
	s.Past = r.before(r.past(map[string]bool{f.Host: true}, s.To))
	r.addHosts(s, cast)
	r.addDisks(s)
	r.addWeather(s)
	return s
}

// family is the operations of a witness, those that they are parts of, and their parts. Of many the first few are enough.
func (r *Recording) family(witness []uint64) (family []*history.Operation) {
	const most = 6
	roots := map[uint64]bool{}
	parents := map[uint64]uint64{}
	for _, o := range r.History.Operations {
		parents[o.ID] = o.Parent
	}
	for _, id := range witness[:min(len(witness), most)] {
		for parents[id] != 0 {
			id = parents[id]
		}
		roots[id] = true
	}
	for _, o := range r.History.Operations {
		root := o.ID
		for parents[root] != 0 {
			root = parents[root]
		}
		if roots[root] {
			family = append(family, o)
		}
	}
	return family
}

// callOut adds the hosts that operations name.
func (r *Recording) callOut(family []*history.Operation, cast map[string]bool) {
	for _, o := range family {
		eachAttr(o, func(a slog.Attr) {
			if name := a.Value.String(); r.hosts[name] != nil {
				cast[name] = true
			}
		})
	}
}

func eachAttr(o *history.Operation, f func(slog.Attr)) {
	for _, a := range o.In {
		f(a)
	}
	for _, a := range o.Out {
		f(a)
	}
	for _, n := range o.Notes {
		for _, a := range n.Attrs {
			f(a)
		}
	}
}

// past is up to when what each host did can have led to what the hosts of the cast were at a time: the events that happened
// before, in the sense of Lamport (CACM 1978). A host that is not in it had no part.
func (r *Recording) past(cast map[string]bool, end time.Duration) map[string]time.Duration {
	horizon := map[string]time.Duration{}
	for host := range cast {
		horizon[host] = end
	}
	for i := len(r.Messages) - 1; i >= 0; i-- { // in the order of arrival: whatever raises a horizon later lies earlier
		m := &r.Messages[i]
		if at, in := horizon[m.To]; m.Lost == "" && in && m.At <= at {
			horizon[m.From] = max(horizon[m.From], m.Sent)
		}
	}
	return horizon
}

// before counts the events of a past.
func (r *Recording) before(horizon map[string]time.Duration) (n int) {
	for i := range r.Events {
		e := &r.Events[i]
		if at, in := horizon[e.Host]; in && e.At <= at || e.Sort == Fault {
			n++
		}
	}
	return n
}

// addMessages adds the messages that mention one of the names, as far as they can have had a part in it, and those by which
// an operation ended: an answer need not say to what.
func (r *Recording) addMessages(s *Slice, family []*history.Operation, cast map[string]bool, horizon map[string]time.Duration) {
	type end struct {
		host string
		at   time.Duration
	}
	ends := map[end]bool{}
	for _, o := range family {
		ends[end{o.Host, o.Return}] = true
	}
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.Lost == "" && !m.Asked && !m.Quiet && ends[end{m.To, m.At}] {
			s.Messages = append(s.Messages, m)
			continue
		}
		if at, in := horizon[m.From]; !in || m.Sent > at || m.At < s.From || m.Sent > s.To {
			continue
		}
		if slices.ContainsFunc(s.Names, func(name string) bool { return mentions(m.Data, name) }) {
			s.Messages = append(s.Messages, m)
		}
	}
	slices.SortStableFunc(s.Messages, func(a, b *Message) int { return cmp.Compare(a.Sent, b.Sent) })
	s.choose(family)
	for _, m := range s.Messages {
		cast[m.From], cast[m.To] = true, true
	}
}

// choose leaves of too many messages those that went while an operation was under way, and of these how it began and how it ended.
func (s *Slice) choose(family []*history.Operation) {
	n := len(s.Messages)
	if n <= mostMessages {
		return
	}
	during := slices.DeleteFunc(slices.Clone(s.Messages), func(m *Message) bool {
		return !slices.ContainsFunc(family, func(o *history.Operation) bool { return o.Call <= m.At && m.Sent <= o.Return })
	})
	if len(during) > 0 {
		s.Messages = during
	}
	if k := len(s.Messages); k > mostMessages {
		s.Messages = append(s.Messages[:mostMessages/2:mostMessages/2], s.Messages[k-mostMessages/2:]...)
	}
	s.Others = n - len(s.Messages)
}

// addHosts puts those who take part in the order of lanes. Of too many, those without a message go first.
func (r *Recording) addHosts(s *Slice, cast map[string]bool) {
	said := map[string]int{}
	for _, m := range s.Messages {
		said[m.From]++
		said[m.To]++
	}
	for _, o := range s.Operations {
		said[o.Host] += len(r.Messages)
	}
	for i := range r.Plan.Hosts {
		if name := r.Plan.Hosts[i].Name; cast[name] {
			s.Hosts = append(s.Hosts, name)
		}
	}
	if len(s.Hosts) > mostLanes {
		slices.SortStableFunc(s.Hosts, func(a, b string) int { return cmp.Compare(said[b], said[a]) })
		s.Hosts = s.Hosts[:mostLanes]
		kept := s.Messages[:0:0]
		for _, m := range s.Messages {
			if slices.Contains(s.Hosts, m.From) && slices.Contains(s.Hosts, m.To) {
				kept = append(kept, m)
			} else {
				s.Others++
			}
		}
		s.Messages = kept
	}
	order := map[string]int{"client": 0, "server": 1, "worker": 2}
	index := map[string]int{}
	for i := range r.Plan.Hosts {
		index[r.Plan.Hosts[i].Name] = i
	}
	slices.SortStableFunc(s.Hosts, func(a, b string) int {
		return cmp.Or(cmp.Compare(order[string(r.kinds[a].Role)], order[string(r.kinds[b].Role)]), cmp.Compare(index[a], index[b]))
	})
}

// Blamed is the host on which what is wrong shows: the client that learnt it, if an operation ended with it; the host of a
// finding; else a server that takes part.
func (s *Slice) Blamed(r *Recording) string {
	if s.Finding != nil {
		return s.Finding.Host
	}
	for _, o := range s.Operations {
		if o.Outcome != history.Pending && o.Return >= s.To-time.Millisecond && slices.Contains(s.Hosts, o.Host) {
			return o.Host
		}
	}
	for _, h := range slices.Backward(s.Hosts) {
		if r.kinds[h].Role == nodes.Server {
			return h
		}
	}
	if len(s.Hosts) == 0 {
		return ""
	}
	return s.Hosts[0]
}

// mostDowns bounds how often a host is shown to go down and come back.
const mostDowns = 2

// Shown are the downs that a picture shows: each host's first few, without those while it was down already.
func (s *Slice) Shown() (all []history.Down) {
	count := map[string]int{}
	end := map[string]time.Duration{}
	for _, d := range s.Downs {
		if d.To <= end[d.Host] {
			continue
		}
		if count[d.Host]++; count[d.Host] <= mostDowns {
			all = append(all, d)
		}
		end[d.Host] = max(end[d.Host], d.To)
	}
	return all
}
