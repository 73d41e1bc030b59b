package checks

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"simrun/nodes/history"
)

// refStore is one of three servers that keep registers, right by construction: every read and every write asks a majority
// twice, for the newest version and to keep it (Attiya, Bar-Noy & Dolev, J. ACM 1995), and what a server has said is on its
// disk. With alone set it asks nobody and tells the others later: a store that is always there, and diverges.
type refStore struct {
	*refHost
	peers []*refStore
	disk  map[string]refCell
	alone bool
	wrong string // what is wrong with it, if anything
}

// refCell is a value and its version: a number and, where two writes came by the same number, the value, which no other write has.
// Who gave it would not do: one server may be giving numbers to two writes at a time.
type refCell struct {
	number int
	value  string
}

func (c refCell) newer(d refCell) bool {
	return c.number > d.number || c.number == d.number && c.value > d.value
}

func (s *refStore) keep(key string, c refCell) {
	if c.newer(s.disk[key]) {
		s.disk[key] = c
	}
}

// round asks all servers, and is told once a majority has answered, or that none did in time.
func (s *refStore) round(ask func(peer *refStore) refCell, then func(newest refCell, ok bool)) {
	answers, over := 0, false
	var newest refCell
	heard := func(c refCell) {
		if c.newer(newest) {
			newest = c
		}
		needed := len(s.peers)/2 + 1
		if s.wrong == "half is enough" {
			needed = len(s.peers) / 2
		}
		if answers++; !over && answers >= needed {
			over = true
			then(newest, true)
		}
	}
	for _, peer := range s.peers {
		if peer == s {
			heard(ask(s))
			continue
		}
		s.w.dial(s.refHost, peer.refHost, func(*refConn) {}, func(conn *refConn) {
			if conn == nil {
				return
			}
			conn.send(s.refHost, func() {
				c := ask(peer)
				conn.send(peer.refHost, func() {
					heard(c)
					conn.close(s.refHost)
				})
			})
		})
	}
	s.on(800*time.Millisecond, func() {
		if !over {
			over = true
			then(refCell{}, false)
		}
	})
}

// access reads the key, or writes a value to it. What it tells is the cell, and whether it happened, did not, or may have.
func (s *refStore) access(key, value string, then func(c refCell, outcome history.Outcome)) {
	if s.alone {
		c := s.disk[key]
		if value != "" {
			c = refCell{c.number + 1, value}
			s.keep(key, c)
		}
		then(c, history.Ok)
		return
	}
	s.round(func(peer *refStore) refCell { return peer.disk[key] }, func(c refCell, ok bool) {
		if !ok {
			then(c, history.Fail)
			return
		}
		if value != "" {
			c = refCell{c.number + 1, value}
		}
		s.round(func(peer *refStore) refCell { peer.keep(key, c); return c }, func(_ refCell, ok bool) {
			switch {
			case ok:
				then(c, history.Ok)
			case value == "":
				then(c, history.Fail)
			default:
				then(c, history.Unknown)
			}
		})
	})
}

// gossip tells the others what a server has, for ever.
func (s *refStore) gossip() {
	s.on(500*time.Millisecond, s.gossip)
	for _, peer := range s.peers {
		if peer == s {
			continue
		}
		s.w.dial(s.refHost, peer.refHost, func(*refConn) {}, func(conn *refConn) {
			if conn == nil {
				return
			}
			conn.send(s.refHost, func() {
				for _, key := range slices.Sorted(maps.Keys(s.disk)) {
					peer.keep(key, s.disk[key])
				}
				conn.close(peer.refHost)
			})
		})
	}
}

// refReader is a client of the store: it turns to one server after another, a read to the next as soon as one does not answer.
type refReader struct {
	*refHost
	servers []*refStore
	values  int
}

func (c *refReader) request(write bool) {
	if c.w.handle == 0 || write && c.w.chance(0.5) {
		c.w.handle++ // a new key
	}
	key := fmt.Sprint("k", 1+c.w.rand.IntN(c.w.handle))
	if !write {
		o := c.w.open(c.name, "read", nil, slog.String("key", key))
		c.attempt(o, key, "", 0, history.Fail)
		return
	}
	c.values++
	value := fmt.Sprint(c.name, "-", c.values)
	o := c.w.open(c.name, "write", nil, slog.String("key", key), slog.String("value", value))
	c.attempt(o, key, value, 0, history.Fail)
}

func (c *refReader) attempt(o *history.Operation, key, value string, try int, worst history.Outcome) {
	w := c.w
	if try == 3 || worst == history.Unknown && value != "" { // a write that may have happened is not tried again under a new version
		w.end(o, worst, "nobody answered")
		return
	}
	s := c.servers[try]
	again := func(outcome history.Outcome) { c.attempt(o, key, value, try+1, max(worst, outcome)) }
	w.dial(c.refHost, s.refHost, func(*refConn) {}, func(conn *refConn) {
		if conn == nil {
			again(history.Fail)
			return
		}
		over := false
		finish := func(cell refCell, outcome history.Outcome) {
			if over {
				return
			}
			over = true
			conn.close(c.refHost)
			if outcome != history.Ok {
				again(outcome)
				return
			}
			out := []slog.Attr{slog.Any("value", nil)}
			if cell.value != "" {
				out[0] = slog.String("value", cell.value)
			}
			w.end(o, history.Ok, "", out...)
		}
		unknown := history.Fail
		if value != "" {
			unknown = history.Unknown
		}
		conn.ends[0].broken = func() { finish(refCell{}, unknown) }
		conn.send(c.refHost, func() {
			s.access(key, value, func(cell refCell, outcome history.Outcome) {
				conn.send(s.refHost, func() { finish(cell, outcome) })
			})
		})
		c.on(2*time.Second, func() { finish(refCell{}, unknown) })
	})
}

// store runs three servers on three suppliers and three clients, each beside one of them.
func (o refOptions) store(alone bool, wrong string) *history.History {
	w := &refWorld{rand: rand.New(rand.NewPCG(o.Seed, 1)), hosts: map[string]*refHost{},
		h: &history.History{Scenario: "reference store", Sometimes: map[string]history.Time{}}}
	var servers []*refStore
	for i, name := range []string{"a", "b", "d"} {
		s := &refStore{disk: map[string]refCell{}, alone: alone, wrong: wrong}
		s.refHost = w.host(name, "server", i, false)
		s.start = func(int) {
			if alone {
				s.gossip()
			}
		}
		s.crashed = func(machine bool) {
			if machine && wrong == "it syncs nothing" {
				s.disk = map[string]refCell{}
			}
		}
		servers = append(servers, s)
	}
	for _, s := range servers {
		s.peers = servers
	}
	heal := refWarmup + o.Storm
	end := heal + refAftermath + refCalm
	for i := range 3 {
		c := &refReader{servers: append(slices.Clone(servers[i:]), servers[:i]...)}
		c.refHost = w.host(fmt.Sprintf("c/%d", i+1), "client", i, false)
		c.start = func(int) {}
		for n, at := 0, time.Duration(0); at < end-5*time.Second; n, at = n+1, at+time.Second*3/time.Duration(o.Rate) {
			writes := at < heal+refAftermath
			w.after(at+w.between(0, 50*time.Millisecond), func() { c.now(c.life, func() { c.request(writes && n%2 == 0) }) })
		}
	}
	for _, h := range w.order {
		h.boot()
	}
	w.after(15*time.Second, w.probe)
	for range o.Faults {
		if kind := o.Kinds[w.rand.IntN(len(o.Kinds))]; kind == "blackout" {
			w.blackout(servers, heal)
		} else {
			w.strike(kind, nil, heal)
		}
	}
	w.h.Phases = []history.Phase{{Name: "warmup", To: refWarmup, Load: true}, {Name: "storm", From: refWarmup, To: heal, Load: true},
		{Name: "aftermath", From: heal, To: heal + refAftermath, Heal: true, Load: true}, {Name: "calm", From: heal + refAftermath, To: end}}
	w.run(end)
	w.h.End = end
	for _, d := range w.h.Downs {
		w.h.Faults = append(w.h.Faults, history.Fault{Verb: d.Why, Target: d.Host, Effects: 1, Windows: []history.Window{{From: d.From, To: d.To}}})
	}
	slices.SortStableFunc(w.h.Operations, func(a, b *history.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return w.h
}

// blackout takes the power of all servers for a while. They lose what they had not synced, which nobody was promised.
func (w *refWorld) blackout(servers []*refStore, heal time.Duration) {
	from := w.between(refWarmup, heal-time.Second)
	to := min(heal, from+w.between(50*time.Millisecond, 5*time.Second))
	w.after(from, func() {
		for _, s := range servers {
			if s.up {
				w.kill(s.refHost, "cut-power", to)
				w.h.Downs[len(w.h.Downs)-1].Unsynced = 7
			}
		}
	})
}
