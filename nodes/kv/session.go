package kv

import (
	"fmt"

	"simrun/nodes/resp"
)

// sessions are what is remembered of clients that may ask for the same again: the answer to the last command of each.
// The one that was used longest ago goes first when there are too many; a command of a session that is gone is refused,
// so that it is not done a second time.
//
// Invariant: bytes is the sum of the sessions' sizes; oldest to newest is the order of their last use; a session that is
// bound to a slot is in the list of that slot.
type sessions struct {
	byName map[sessionName]*session
	oldest *session
	newest *session
	inSlot map[int]*session // the first of a slot's
	bytes  int64
}

// sessionName is a session's: the version of the store that its opening made, and the slot that it is bound to, or anySlot.
// A slot may come from another store, with sessions whose versions were made there.
type sessionName struct {
	slot int
	id   uint64
}

// anySlot is the slot of a session for keys of all slots. It stays where it was opened.
const anySlot = -1

// session is one client's.
type session struct {
	sessionName
	sequence uint64 // of the last command that was done; 0 before any
	answer   []byte
	older    *session
	newer    *session

	nextInSlot, prevInSlot *session
}

const (
	// sessionSize is what a session costs beside its answer.
	sessionSize = 128
	// sessionBytes is the most that all sessions may take together, unless one alone takes more.
	sessionBytes = 64 << 20
)

// errNoSession is the answer to a command of a session that is not there any more, or never was. Whether the command was
// done before is not known; it is not done now.
const errNoSession = "NOSESSION there is no such session; open another with ONCE OPEN"

func newSessions() sessions {
	return sessions{byName: map[sessionName]*session{}, inSlot: map[int]*session{}}
}

func (l *sessions) len() int { return len(l.byName) }

// find is the session that a command is in, or nil.
func (l *sessions) find(r *Request) *session {
	if len(l.inSlot) > 0 {
		if slot, one := r.Slot(r.Args); one && slot >= 0 {
			if c := l.byName[sessionName{slot, r.Session}]; c != nil {
				return c
			}
		}
	}
	return l.byName[sessionName{anySlot, r.Session}]
}

func (s *session) size() int64 { return sessionSize + int64(len(s.answer)) }

// open answers with the number of a new session, which is bound to the slot of a key if one is named.
func (x *execution) open() {
	s, slot := x.s, anySlot
	if len(x.args) > 2 {
		slot = Slot(x.args[2])
	}
	s.version++
	s.sessions.add(&session{sessionName: sessionName{slot, s.version}})
	s.sessions.evict(x.o.Sessions)
	x.int(int64(s.version))
}

// once does a command of a session, unless it was done before.
func (s *Store) once(r *Request, o Order, dst []byte) []byte {
	c := s.sessions.find(r)
	if c == nil {
		return resp.AppendError(dst, errNoSession)
	}
	s.sessions.use(c)
	switch {
	case r.Sequence == c.sequence:
		return append(dst, c.answer...)
	case r.Sequence < c.sequence:
		return resp.AppendError(dst, fmt.Sprintf("OVERTAKEN the session is at %d already", c.sequence))
	}
	before := len(dst)
	dst = s.execute(r, o, s.now, dst)
	s.sessions.bytes -= c.size()
	c.sequence, c.answer = r.Sequence, append(c.answer[:0:0], dst[before:]...)
	s.sessions.bytes += c.size()
	s.sessions.evict(o.Sessions)
	return dst
}

// evict removes sessions while there are too many. The newest stays.
func (l *sessions) evict(most int) {
	if most <= 0 {
		most = DefaultSessions
	}
	for l.oldest != l.newest && (len(l.byName) > most || l.bytes > sessionBytes) {
		l.remove(l.oldest)
	}
}

// use makes a session the one that was used last.
func (l *sessions) use(s *session) {
	if l.newest == s {
		return
	}
	l.remove(s)
	l.add(s)
}

func (l *sessions) add(s *session) {
	l.byName[s.sessionName] = s
	l.bytes += s.size()
	if s.slot != anySlot {
		if s.nextInSlot = l.inSlot[s.slot]; s.nextInSlot != nil {
			s.nextInSlot.prevInSlot = s
		}
		l.inSlot[s.slot] = s
	}
	s.older, s.newer = l.newest, nil
	if l.newest != nil {
		l.newest.newer = s
	} else {
		l.oldest = s
	}
	l.newest = s
}

func (l *sessions) remove(s *session) {
	delete(l.byName, s.sessionName)
	l.bytes -= s.size()
	switch {
	case s.slot == anySlot:
	case s.prevInSlot != nil:
		s.prevInSlot.nextInSlot = s.nextInSlot
	case s.nextInSlot != nil:
		l.inSlot[s.slot] = s.nextInSlot
	default:
		delete(l.inSlot, s.slot)
	}
	if s.nextInSlot != nil {
		s.nextInSlot.prevInSlot = s.prevInSlot
	}
	s.nextInSlot, s.prevInSlot = nil, nil
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		l.oldest = s.newer
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		l.newest = s.older
	}
	s.older, s.newer = nil, nil
}
