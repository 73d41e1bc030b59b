package raft

import "time"

// squall is a series of things that go badly together, the kind that single steps hardly ever come upon in this order.
// It says how many things there were.
func (w *weather) squall() int {
	before := w.passed
	defer func(was mood) { w.mood = was }(w.mood)
	w.mood = mood{prompt: w.pick(100, 90, 50), reach: w.pick(1, 4, 40), loss: w.pick(0, 0, w.loss), brutal: w.pick(w.brutal, 0, 100)}
	if w.draw(2) == 0 {
		w.flight, w.kept = w.flight[:0], w.kept[:0]
	}
	switch w.draw(8) {
	case 0, 1:
		w.race()
	case 2:
		w.depose()
	case 3, 4:
		w.delay()
	default:
		for range 1 + w.draw(5) {
			w.govern()
		}
	}
	return 10 + w.passed - before
}

// race lets several servers campaign at once.
func (w *weather) race() {
	w.mend()
	for _, m := range w.machines {
		if w.draw(4) > 0 {
			w.revive(m)
			w.wait(m)
		}
	}
	w.pass(w.draw(40))
	w.now += time.Duration(w.draw(2)*400) * time.Millisecond
	w.pass(w.draw(40))
}

// govern lets a server campaign, and begin something that it may not bring to an end.
func (w *weather) govern() {
	m := w.someone()
	w.mend()
	w.keeps = w.draw(2) == 0
	for _, o := range w.machines {
		if o == m || w.draw(4) > 0 {
			w.revive(o)
		} else {
			w.side[o.id] = true
		}
	}
	if !w.enthrone(m) {
		return
	}
	for range w.draw(3) {
		w.propose(m)
	}
	if w.draw(8) == 0 {
		w.change(m)
	}
	w.pass(w.draw(8))
	if w.draw(2) == 0 {
		w.strike(m)
	}
}

// enthrone lets a server campaign until it leads, and says whether it came to that.
func (w *weather) enthrone(m *machine) bool {
	w.revive(m)
	w.tell("%d campaigns, cut off: %v", m.id, w.side)
	for range 1 + w.draw(2) {
		if m.up && m.Role() != Leader {
			w.wait(m)
		}
		for range 30 {
			if !m.up || m.Role() == Leader || len(w.flight) == 0 && len(m.writing) == 0 {
				break
			}
			w.pass(1)
		}
	}
	return m.up && m.Role() == Leader
}

// depose elects another leader behind the back of the one that there is, sometimes at its own request.
func (w *weather) depose() {
	old, m := w.leader(), w.someone()
	if old == nil || old == m {
		return
	}
	w.mend()
	if w.draw(2) == 0 {
		w.wait(old)
		for range w.draw(6) {
			w.pass(1 + w.draw(4))
			w.now += time.Duration(w.draw(100)) * time.Millisecond
		}
	}
	if old.up && old.Role() == Leader && w.draw(2) == 0 {
		w.tell("%d hands over to %d", old.id, m.id)
		_ = old.Transfer(old.clock(w.now), m.id)
		w.look(old)
		w.pass(w.draw(8))
	}
	w.side[old.id], w.keeps = true, w.draw(2) == 0
	if w.enthrone(m) {
		w.propose(m)
		w.pass(w.draw(20))
	}
}

// delay keeps the votes that a server asks for on the way, while the leader is heard again.
func (w *weather) delay() {
	old, m := w.leader(), w.someone()
	if old == nil || old == m {
		return
	}
	w.mend()
	w.side[old.id] = true
	w.revive(m)
	w.wait(m)
	for range 20 {
		if m.Role() == PreCandidate {
			w.pass(1)
		}
	}
	for _, o := range w.machines {
		if o != old && o != m && w.draw(2) == 0 {
			w.wait(o) // and asks whether it could lead; the answer will come late, too
			w.pass(w.draw(6))
		}
	}
	w.mend()
	w.side[m.id], w.keeps = true, true
	w.tell("cut off: %d", m.id)
	w.pass(w.draw(10))
	w.wait(old)
	w.pass(w.draw(20))
	for _, o := range w.machines {
		if o != old && o != m && w.draw(4) == 0 {
			w.strike(o)
			w.revive(o)
		}
	}
	w.mend()
	w.side[old.id], w.keeps = true, false
	w.tell("cut off: %d", old.id)
	w.pass(w.draw(20))
	w.propose(m)
	w.pass(w.draw(20))
}
