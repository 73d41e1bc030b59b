package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// readLoad reads a line of the workload: what all lines have, and the options of its operation.
func (r *reader) readLoad(l *loadLine) {
	n, path := l.at, l.path
	if n.Kind != decode.Map {
		r.Fail(n, path, "a line of the workload is a mapping such as {from: [NODE], do: OPERATION, rate: 20/s}")
		return
	}
	kind := r.asked(l)
	do := n.Field("do")
	if do != nil && kind != nil {
		l.operation = operation(kind, do.Text)
		if l.operation == nil {
			r.Hint(do, path+".do", decode.Suggest(do.Text, operationsOf(kind)), "a %s cannot be asked to %q", kind.Name, do.Text)
		}
	}
	own := decode.Keys(l)
	if l.operation != nil && l.operation.Options != nil {
		opened, _ := r.readOpen(func(d *decode.Decoder) { l.options = l.configure(d) })
		l.open = len(opened) > 0
		own = append(own, decode.Keys(l.options)...)
	}
	r.Struct(n, path, func(f decode.Field) bool { // if nobody knows the operation, whose options they are is not known
		return l.operation == nil || slices.Contains(own, f.Key) || l.options != nil
	}, l)
	if l.Mix.Node != nil && l.operation != nil {
		r.readMixes(l)
	}
	l.stream = streamName(l.Do, l.From)
}

func operationsOf(k *nodes.Kind) []string {
	names := make([]string, len(k.Operations))
	for i := range k.Operations {
		names[i] = k.Operations[i].Name
	}
	return names
}

// asked is the kind of the nodes that the line asks, which must be one.
func (r *reader) asked(l *loadLine) *nodes.Kind {
	n := l.at.Field("from")
	if n == nil || n.Null() {
		return nil
	}
	before := len(*r.Problems)
	var from []selector
	if !r.Value(n, l.path+".from", &from, decode.Rules{}) {
		// The same is read, and complained of, with the rest of the line.
		*r.Problems = (*r.Problems)[:before]
		return nil
	}
	var kind *nodes.Kind
	for i := range from {
		s := &from[i]
		if s.random() || s.has("leader") {
			r.Fail(s.at, s.path, "arrivals come to all clients of a line; name them")
			return nil
		}
		if !r.resolve(s, Hosts) {
			return nil
		}
		for _, name := range s.members(r.spec.most, Hosts) {
			k := r.spec.most.hosts[r.spec.most.index[name]].Kind
			switch {
			case k.Name == "":
				return nil // said already
			case len(k.Operations) == 0:
				r.Fail(s.at, s.path, "a %s cannot be asked for anything (%s)", k.Name, name)
				return nil
			case kind != nil && k != kind:
				r.Fail(s.at, s.path, "a line asks nodes of one kind, not of %s and %s", kind.Name, k.Name)
				return nil
			}
			kind = k
		}
	}
	return kind
}

// readMixes reads the mix of a line, or the mixes of which each plan draws one.
func (r *reader) readMixes(l *loadLine) {
	n, path := l.Mix.Node, l.Mix.path
	if n.Kind != decode.List {
		r.readMix(l, n, path)
		return
	}
	if len(n.Items) == 0 {
		r.Fail(n, path, "this list is empty")
	}
	for i, item := range n.Items {
		r.readMix(l, item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// readMix reads the shares of the operation's variants, in the operation's order.
func (r *reader) readMix(l *loadLine, n *decode.Node, path string) {
	if n.Kind != decode.Map {
		r.Fail(n, path, "a mix is a mapping such as {VARIANT: 60%%}")
		return
	}
	before := len(*r.Problems)
	shares := map[string]nodes.Percent{}
	var sum uint64
	for _, f := range n.Fields {
		if !slices.Contains(l.operation.Mix, f.Key) {
			r.Hint(f.At, path, decode.Suggest(f.Key, l.operation.Mix), "%s has no variant %q", l.operation.Name, f.Key)
			continue
		}
		var share nodes.Percent
		r.Value(f.Value, path+"."+f.Key, &share, decode.Rules{})
		shares[f.Key] = share
		sum += uint64(share)
	}
	if len(*r.Problems) > before {
		return
	}
	if sum != uint64(nodes.PerMillion) {
		r.Fail(n, path, "the shares add up to %.6g%%, not to 100%%", float64(sum)/10_000)
		return
	}
	var mix []Share
	for _, variant := range l.operation.Mix {
		if share := shares[variant]; share > 0 {
			mix = append(mix, Share{variant, share})
		}
	}
	l.mixes = append(l.mixes, mix)
}

// fullLoad is the share of what survives the storm above which a queue would grow by itself.
const fullLoad = 0.7

// warnOfLoad says so where a phase may offer more work than the nodes that survive its worst single fault do: of what
// is drawn, the most requests, the fewest copies and the slowest of them.
func (r *reader) warnOfLoad() {
	t := r.least()
	weakest := map[string]float64{}
	for i := range r.spec.nodes {
		weakest[r.spec.nodes[i].name] = r.spec.nodes[i].weakest()
	}
	can := map[string]float64{}
	var total float64
	var machines int
	for i := range t.hosts {
		if c := weakest[t.hosts[i].Node]; c > 0 {
			can[t.hosts[i].Name] = c
			total += c
			machines++
		}
	}
	if machines == 0 || slices.ContainsFunc(r.spec.Claims, func(c Claim) bool { return c.Check == "capacity" }) {
		return // nothing is known, or overload is what it is about
	}
	warned := map[*loadLine]bool{}
	for _, p := range r.spec.doc.Phases {
		lines := r.spec.loadsOf(p)
		if len(lines) == 0 || warned[lines[0]] {
			continue
		}
		offered, sums := 0.0, make([]string, 0, len(lines))
		for _, l := range lines {
			rate := l.Rate.Fastest()
			offered += rate.PerSecond()
			sums = append(sums, rate.String())
		}
		left, lost, by := r.survivors(can, total, machines)
		if offered <= fullLoad*left {
			continue
		}
		warned[lines[0]] = true
		sum := fmt.Sprintf("offered %s = %.4g/s is %.0f%% of the %.4g/s that", strings.Join(sums, " + "), offered, 100*offered/max(left, 1e-9), left)
		who := fmt.Sprintf("%d working machines do", machines)
		if lost > 0 {
			who = fmt.Sprintf("the %d of %d working machines surviving %q do", machines-lost, machines, by)
		}
		if r.spec.fixed == nil {
			who += " where least is drawn"
		}
		r.warnAt(lines[0], sum+" "+who)
	}
}

// warnAt warns, at the rate of a line, of a load that is too much.
func (r *reader) warnAt(l *loadLine, what string) {
	at := l.at
	if rate := l.at.Field("rate"); rate != nil {
		at = rate
	}
	p := at.Problem(l.path+".rate", what+"; above 70% a queue may grow by itself", "")
	p.Warning = true
	r.Problems.Add(p)
}

// survivors is what the machines can do while the worst single fault of the script lasts.
func (r *reader) survivors(can map[string]float64, total float64, machines int) (left float64, lost int, by string) {
	left = total
	for _, p := range r.spec.doc.Phases {
		for _, f := range p.Faults {
			if f.verb == nil || !f.verb.Down || f.target.random() {
				continue
			}
			rest, gone := total, 0
			for _, h := range r.spec.most.hostsOf(f.target.members(r.spec.most, f.verb.Takes), f.verb.Takes) {
				if can[h] > 0 {
					rest -= can[h]
					gone++
				}
			}
			if rest < left && gone < machines { // what leaves nobody leaves nothing to reckon with
				left, lost, by = rest, gone, f.String()
			}
		}
	}
	return left, lost, by
}

// loadsOf is the workload that goes on in a phase.
func (s *Spec) loadsOf(p *phaseLine) []*loadLine {
	switch {
	case p.stop:
		return nil
	case p.loads != nil:
		return p.loads
	default:
		return s.doc.Workload
	}
}
