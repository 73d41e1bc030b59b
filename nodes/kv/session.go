package kv

import (
	"fmt"

	"simrun/nodes/resp"
)

// sessions are what is remembered of clients that may ask for the same again: the answer to the last command of each.
// The one that was used longest ago goes first when there are too many; a command of a session that is gone is refused,
// so that it is not done a second time.
//
// Invariant: bytes is the sum of the sessions' sizes; oldest to newest is the order of their last use.
type sessions struct {
	byID   map[uint64]*session
	oldest *session
	newest *session
	bytes  int64
}

// session is one client's. Its number is the version of the store that its opening made, which no other is.
type session struct {
	id       uint64
	sequence uint64 // of the last command that was done; 0 before any
	answer   []byte
	older    *session
	newer    *session
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

func newSessions() sessions { return sessions{byID: map[uint64]*session{}} }

func (l *sessions) len() int { return len(l.byID) }

func (s *session) size() int64 { return sessionSize + int64(len(s.answer)) }

// open answers with the number of a new session.
func (x *execution) open() {
	s := x.s
	s.version++
	s.sessions.add(&session{id: s.version})
	s.sessions.evict(x.o.Sessions)
	x.int(int64(s.version))
}

// once does a command of a session, unless it was done before.
func (s *Store) once(r *Request, o Order, dst []byte) []byte {
	c := s.sessions.byID[r.Session]
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
	for l.oldest != l.newest && (len(l.byID) > most || l.bytes > sessionBytes) {
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
	l.byID[s.id] = s
	l.bytes += s.size()
	s.older, s.newer = l.newest, nil
	if l.newest != nil {
		l.newest.newer = s
	} else {
		l.oldest = s
	}
	l.newest = s
}

func (l *sessions) remove(s *session) {
	delete(l.byID, s.id)
	l.bytes -= s.size()
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
