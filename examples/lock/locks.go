package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// locks are who holds what: the state that all servers of the service come to by the same commands in the same order.
//
// A command is a line: "acquire LOCK OWNER LEASE NOW" or "release LOCK TOKEN NOW", its times in milliseconds, NOW by the clock of
// whoever led when it was asked. Clocks of leaders differ, so a lease may be long or short; tokens make up for that.
//
// Invariant: no two grants have one token, and later ones have greater ones.
type locks struct {
	Token uint64          `json:"token"` // of the last grant
	Now   int64           `json:"now"`   // the latest of all times
	Held  map[string]hold `json:"held"`
}

type hold struct {
	Owner string `json:"owner"`
	Token uint64 `json:"token"`
	Until int64  `json:"until"`
}

// mostLocks bounds what clients can make a server remember.
const mostLocks = 10_000

func newLocks() *locks { return &locks{Held: map[string]hold{}} }

// Apply does a command, and answers "granted TOKEN", "held MILLISECONDS", "released" or "refused WHY".
func (l *locks) Apply(command, dst []byte) []byte {
	var name, owner string
	var lease, now int64
	var token uint64
	if n, _ := fmt.Sscanf(string(command), "acquire %s %s %d %d", &name, &owner, &lease, &now); n == 4 {
		return fmt.Append(dst, l.acquire(name, owner, lease, now))
	}
	if n, _ := fmt.Sscanf(string(command), "release %s %d %d", &name, &token, &now); n == 3 {
		return fmt.Append(dst, l.release(name, token, now))
	}
	return fmt.Append(dst, "refused what is this")
}

// pass lets the time pass: leases that have run out end.
func (l *locks) pass(now int64) {
	l.Now = max(l.Now, now)
	maps.DeleteFunc(l.Held, func(_ string, h hold) bool { return h.Until <= l.Now })
}

func (l *locks) acquire(name, owner string, lease, now int64) string {
	l.pass(now)
	if h, held := l.Held[name]; held && h.Owner != owner {
		return fmt.Sprint("held ", h.Until-l.Now)
	}
	if len(l.Held) >= mostLocks {
		return "refused too many locks"
	}
	l.Token++
	l.Held[name] = hold{Owner: owner, Token: l.Token, Until: l.Now + lease}
	return fmt.Sprint("granted ", l.Token)
}

func (l *locks) release(name string, token uint64, now int64) string {
	l.pass(now)
	if h, held := l.Held[name]; held && h.Token == token {
		delete(l.Held, name)
	}
	return "released" // it is, also if it was before
}

// Image is a copy of the state, to be written down later.
func (l *locks) Image() func(dst []byte) []byte {
	image := locks{Token: l.Token, Now: l.Now, Held: maps.Clone(l.Held)}
	return func(dst []byte) []byte {
		text, _ := json.Marshal(image) // of numbers and strings: it cannot fail, and sorts its keys
		return append(dst, text...)
	}
}

// Restore makes the state what an image was.
func (l *locks) Restore(image []byte) error {
	*l = *newLocks()
	return json.Unmarshal(image, l)
}

// String is the state on one line.
func (l *locks) String() string {
	names := slices.SortedFunc(maps.Keys(l.Held), cmp.Compare)
	return fmt.Sprintf("token %d, held %v", l.Token, names)
}
