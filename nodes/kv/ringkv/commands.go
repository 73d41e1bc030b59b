package ringkv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/resp"
	"simrun/nodes/ring"
	"simrun/nodes/ring/version"
	"simrun/nodes/ring/wire"
)

// able are the commands with keys that a ring can do: each is one read, or one write, of each of its keys.
var able = []string{"GET", "MGET", "STRLEN", "EXISTS", "TYPE", "SET", "MSET", "DEL", "UNLINK"}

// Do is front.Backend's.
func (s *server) Do(c *front.Call) {
	switch {
	case !c.Is(kv.Read | kv.Write):
		c.Reply(s.served(&c.Request))
		return
	case c.Name == "DBSIZE":
		c.Reply(resp.AppendInt(nil, int64(s.shelf.count-len(s.shelf.tombs))))
		return
	case s.waiting >= s.config.MaxWaiting:
		s.record.Reach(tooMany)
		c.Error("TRYAGAIN too many commands are under way")
		return
	case s.stopping || s.leaving:
		c.Error("TRYAGAIN the server is leaving")
		return
	case s.inDoubt():
		c.Error("TRYAGAIN the copies may be too old, and not enough servers can be asked")
		return
	}
	if problem := s.problem(&c.Request); problem != "" {
		c.Error(problem)
		return
	}
	args := make([][]byte, len(c.All))
	for i, arg := range c.All {
		args[i] = slices.Clone(arg)
	}
	r, _ := commands.Parse(args)
	t := s.takeTurns(c.Peer.Number(), &r)
	s.waiting++
	s.env.Go(r.Name, func() {
		defer func() { s.waiting-- }()
		defer t.give()
		if t.await(); c.Abandoned() {
			return // nobody waits for it, so it need not be done
		}
		c.Reply(s.coordinate(&r, false, t.give))
	})
}

// expected is about how many bytes a command takes here until it is answered that reads what this server keeps: what each of those
// who keep a key tells of it, and the answer.
func (s *server) expected(r *kv.Request) (n int) {
	r.Keys(r.Args, func(key []byte) bool {
		if it := s.shelf.find(key); it != nil {
			n += len(it.known) * (s.config.Copies + 1)
		}
		return n < mostAnswer
	})
	return n
}

// problem is why a command cannot be done by a ring; empty if it can.
func (s *server) problem(r *kv.Request) string {
	switch {
	case r.Session != 0 || r.Name == "ONCE OPEN":
		return "ERR a ring keeps no sessions: it has no order in which a write could come once (ONCE)"
	case !slices.Contains(able, r.Name):
		return fmt.Sprintf("ERR a ring cannot %s: its copies agree in no order of what clients ask", r.Name)
	case r.Name == "SET" && len(r.Args) > 3:
		return "ERR a ring's SET has no options: it agrees in no value to compare with, and nothing expires"
	case r.Name == "MSET" && len(r.Args)%2 == 0:
		return "ERR wrong number of arguments for 'mset' command"
	case r.ReadQuorum > s.config.Copies || r.WriteQuorum > s.config.Copies:
		return fmt.Sprintf("ERR QUORUM: there are %d copies of each key", s.config.Copies)
	case r.Context != nil && (r.Name != "SET" && r.Name != "DEL" && r.Name != "UNLINK" || len(r.Args) > 3 || r.Name != "SET" && len(r.Args) > 2):
		return "ERR CONTEXT is for a write of one key"
	case r.Versioned && (r.Name == "MGET" || r.Name == "MSET" || len(r.Args) > 3 || r.Name != "SET" && len(r.Args) > 2):
		return "ERR VERSIONED is for commands with one key"
	}
	problem := ""
	r.Keys(r.Args, func(key []byte) bool {
		if len(key) > kv.MaxKey {
			problem = "ERR the key is too long"
		}
		return problem == ""
	})
	for _, arg := range r.Args {
		if len(arg) > kv.MaxValue {
			problem = "ERR string exceeds maximum allowed size (16MB)"
		}
	}
	return problem
}

// coordinate does a command, and gives its answer.
func (s *server) coordinate(r *kv.Request, forwarded bool, giveTurns func()) []byte {
	q := s.config.quorum(r)
	if r.Is(kv.Read) {
		return s.reads(r, q)
	}
	if to := s.betterCoordinator(r); to != nil && !forwarded {
		giveTurns()
		if answer, ok := s.forward(r, to); ok {
			return answer
		}
	}
	var seen *lore
	if r.Context != nil {
		l, err := s.config.Versions.readToken(r.Context)
		if err != nil {
			return failure("ERR invalid context")
		}
		seen = &l
	}
	step, deleted := 1, r.Name == "DEL" || r.Name == "UNLINK"
	if r.Name == "MSET" {
		step = 2
	}
	var last lore
	written := 0
	for i := 1; i < len(r.Args); i += step {
		c := change{key: r.Args[i], deleted: deleted, seen: seen}
		if !deleted {
			c.value = r.Args[i+1]
		}
		give := giveTurns
		if written+1 < (len(r.Args)-1)/step && r.Name != "SET" {
			give = func() {} // the others are still to come
		}
		l, err := s.write(c, q, give)
		if err != nil && written > 0 && !errors.Is(err, errUncertain) {
			err = fmt.Errorf("%w: %d keys are written, and then: %w", errUncertain, written, err)
		}
		if err != nil {
			return s.sorry(err)
		}
		last = l
		if written++; r.Name == "SET" {
			break
		}
	}
	if deleted {
		return s.versioned(r, resp.AppendInt(nil, int64(written)), last)
	}
	return s.versioned(r, resp.AppendSimple(nil, "OK"), last)
}

// reads does a command that reads.
func (s *server) reads(r *kv.Request, q quorum) []byte {
	v := s.config.Versions
	var all []lore
	size := 0
	for _, key := range r.Args[1:] {
		l, err := s.read(key, q)
		if err != nil {
			return s.sorry(err)
		}
		value, _, _ := v.newest(l)
		if size += len(value); size > mostAnswer {
			return failure("ERR the answer is too long")
		}
		all = append(all, l)
	}
	value, _, live := v.newest(all[0])
	switch r.Name {
	case "MGET":
		out := resp.AppendArray(nil, len(all))
		for _, l := range all {
			out = s.appendValue(out, l)
		}
		return out
	case "EXISTS":
		n := 0
		for _, l := range all {
			if _, _, live := v.newest(l); live {
				n++
			}
		}
		return s.versioned(r, resp.AppendInt(nil, int64(n)), all[0])
	case "STRLEN":
		return s.versioned(r, resp.AppendInt(nil, int64(len(value))), all[0])
	case "TYPE":
		word := "none"
		if live {
			word = "string"
		}
		return s.versioned(r, resp.AppendSimple(nil, word), all[0])
	}
	if siblings := v.siblings(all[0]); r.Versioned && len(siblings) > 1 {
		s.record.Reach(siblingsShown)
		out := resp.AppendArray(nil, len(siblings))
		for _, one := range siblings {
			out = resp.AppendBulk(out, one)
		}
		return s.versioned(r, out, all[0])
	}
	return s.versioned(r, s.appendValue(nil, all[0]), all[0])
}

func (s *server) appendValue(out []byte, l lore) []byte {
	value, _, live := s.config.Versions.newest(l)
	if !live {
		return resp.AppendNull(out)
	}
	return resp.AppendBulk(out, value)
}

// versioned is an answer, with its context if that is wanted.
func (s *server) versioned(r *kv.Request, answer []byte, l lore) []byte {
	if !r.Versioned {
		return answer
	}
	return resp.AppendBulk(append(resp.AppendArray(nil, 2), answer...), s.config.Versions.token(l))
}

// sorry is the answer to a command that was not done, or of which nobody knows.
func (s *server) sorry(err error) []byte {
	switch {
	case errors.Is(err, errUncertain):
		return failure(kv.Uncertain + " " + err.Error())
	case errors.Is(err, errNoMemory):
		return failure(kv.ErrMemory)
	case errors.Is(err, version.ErrDrift):
		s.record.Reach(tooFarAhead)
		return failure("TRYAGAIN " + err.Error())
	case errors.Is(err, version.ErrSiblings):
		return failure("ERR " + err.Error())
	}
	return failure("TRYAGAIN " + err.Error())
}

// betterCoordinator are those who should do a write in this server's place, in their order: with vectors, who keeps the key counts
// its own writes, or each server that was ever asked would be in the key's vector.
func (s *server) betterCoordinator(r *kv.Request) (ids []ring.ID) {
	if s.config.Versions != Vector || len(r.Args) < 2 {
		return nil
	}
	owners := s.members.ring.Owners(ring.Position(r.Args[1]))
	if slices.Contains(owners, s.self.id) {
		return nil
	}
	for _, id := range owners {
		if s.reachable(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// forward has another server do a write. If none can be asked, or none answers and quorums are sloppy, it is this server's.
func (s *server) forward(r *kv.Request, to []ring.ID) (answer []byte, ok bool) {
	body := binary.AppendUvarint(nil, uint64(len(r.All)))
	for _, arg := range r.All {
		body = wire.AppendBytes(body, arg)
	}
	for _, id := range to {
		s.record.Reach(forwarded)
		g := s.gather()
		g.ask(id, forwardVerb, body)
		a, any := g.next(s.env.Mark().Add(3 * s.config.Timeout / 2))
		g.end()
		switch {
		case any && a.status == done:
			return a.body, true
		case any:
			continue // it was not done
		case s.config.quorum(r).sloppy:
			return nil, false
		default:
			return s.sorry(fmt.Errorf("%w: the server that keeps the key does not answer", errUncertain)), true
		}
	}
	return nil, false
}

// handleForward does a write that another server forwards.
func (s *server) handleForward(body []byte, answer func(status, []byte)) {
	d := decode(body)
	var args [][]byte
	for range d.Count(1) {
		args = append(args, d.Bytes())
	}
	err := d.end("a command")
	if err != nil || len(args) == 0 || s.leaving || s.waiting >= s.config.MaxWaiting {
		answer(refused, nil)
		return
	}
	r, problem := commands.Parse(args)
	if problem != "" || r.Command == nil || !r.Is(kv.Write) || s.problem(&r) != "" {
		answer(refused, nil)
		return
	}
	s.waiting++
	s.env.Go("forwarded "+r.Name, func() {
		defer func() { s.waiting-- }()
		answer(done, s.coordinate(&r, true, func() {}))
	})
}

// turnKey is one connection's access to one key: what it asks there is done in its order.
type turnKey struct {
	peer uint64
	key  string
}

// turn is a command's place among those on a key.
type turn struct {
	server *server
	keys   []turnKey
	before []*turn // whose turns come first
	cond   func() error
	wake   func()
	given  bool
}

// takeTurns puts a command behind those of its connection on the same keys.
func (s *server) takeTurns(peer uint64, r *kv.Request) *turn {
	t := &turn{server: s}
	if !r.Is(kv.Write) {
		return t
	}
	r.Keys(r.Args, func(key []byte) bool {
		k := turnKey{peer, string(key)}
		if last := s.turns[k]; last != nil && last != t {
			t.before = append(t.before, last)
		}
		s.turns[k] = t
		t.keys = append(t.keys, k)
		return true
	})
	cond := s.env.NewCond()
	t.cond, t.wake = cond.Wait, cond.Broadcast
	return t
}

// await waits for the turn.
func (t *turn) await() {
	for _, before := range t.before {
		for !before.given {
			if before.cond() != nil {
				return
			}
		}
	}
	t.before = nil
}

// give ends the turn, if it has not ended.
func (t *turn) give() {
	if t.given || t.wake == nil {
		return
	}
	t.given = true
	for _, k := range t.keys {
		if t.server.turns[k] == t {
			delete(t.server.turns, k)
		}
	}
	t.wake()
}

func failure(text string) []byte { return resp.AppendError(nil, text) }

// mostAnswer is how many bytes of values one answer has at most.
const mostAnswer = 64 << 20
