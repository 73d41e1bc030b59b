package primary

import "time"

// A frame between servers, or between a server and a monitor, is its kind and what the kind says.
const (
	reportFrame byte = 'r' // a server to its monitors: report
	grantFrame  byte = 'g' // a monitor to a server: grant
	fenceFrame  byte = 'f' // a monitor to a server: fence
	joinFrame   byte = 'j' // a server to the primary: join
	resumeFrame byte = 'u' // the first of a session: what the server has stays, up to an offset
	imageFrame  byte = 'i' // a piece of a snapshot, which takes the place of what the server has
	streamFrame byte = 's' // entries, and how far things are; without entries a sign of life
	ackFrame    byte = 'a' // the answer to those three
)

// report is what a server says of itself, every heartbeat and whenever it has promised something.
type report struct {
	life        uint64 // of the server's process
	sequence    uint64 // of its reports
	epoch       uint64 // the latest decree that it knows
	promised    uint64 // it takes nothing of epochs before this one
	ballot      uint64 // the last that asked it for that
	acknowledge uint64 // how many replicas a write needs
	last        place  // where its log ends, durably
	whole       bool   // it has everything that it ever said it has
	serves      bool   // it is the primary
	leaves      bool   // it is about to stop
	client      string // where clients reach it
}

func (r *report) append(b []byte) []byte {
	b = putNumbers(append(b, reportFrame), r.life, r.sequence, r.epoch, r.promised, r.ballot, r.acknowledge, r.last.epoch, r.last.offset)
	return putBytes(putFlags(b, r.whole, r.serves, r.leaves), r.client)
}

func (w *wire) report() (r report, err error) {
	r = report{life: w.number(), sequence: w.number(), epoch: w.number(), promised: w.number(), ballot: w.number(), acknowledge: w.number(),
		last: place{w.number(), w.number()}}
	w.flags(&r.whole, &r.serves, &r.leaves)
	r.client = w.text()
	return r, w.end()
}

// fence asks a server to promise that it takes nothing of epochs before one.
type fence struct {
	epoch  uint64
	ballot uint64 // that asks
	founds uint64 // the life of a server that is told that there never was a primary; 0 if there was one
}

func (f *fence) append(b []byte) []byte {
	return putNumbers(append(b, fenceFrame), f.epoch, f.ballot, f.founds)
}

func (w *wire) fence() (f fence, err error) {
	f = fence{w.number(), w.number(), w.number()}
	return f, w.end()
}

// decree is what the monitors have decided: who the primary of an epoch is. The zero is that there was none yet.
type decree struct {
	epoch, id uint64
	primary   string // its address for servers
	client    string // and for clients
	life      uint64 // of its process: the next one is not the primary
}

func (d *decree) append(b []byte) []byte {
	b = putNumbers(b, d.epoch, d.id, d.life)
	return putBytes(putBytes(b, d.primary), d.client)
}

func (w *wire) decree() (d decree) {
	d.epoch, d.id, d.life = w.number(), w.number(), w.number()
	d.primary, d.client = w.text(), w.text()
	return d
}

// member is a server as the others are told of it.
type member struct {
	server, client string
	online         bool
}

// mostMembers bounds the servers of a group.
const mostMembers = 64

// grant answers a report.
type grant struct {
	life, sequence uint64 // of the report
	decree         decree
	lease          time.Duration // for how long from the report on nobody else is made primary; 0 is no time
	sure           bool          // the decree was the last when the report came, and no ballot that began before decides another
	members        []member
}

func (g *grant) append(b []byte) []byte {
	b = putNumbers(append(b, grantFrame), g.life, g.sequence, uint64(g.lease))
	b = putNumbers(putFlags(g.decree.append(b), g.sure), uint64(len(g.members)))
	for _, m := range g.members {
		b = putFlags(putBytes(putBytes(b, m.server), m.client), m.online)
	}
	return b
}

func (w *wire) grant() (g grant, err error) {
	g.life, g.sequence = w.number(), w.number()
	lease := w.number()
	g.lease, g.decree = time.Duration(lease), w.decree()
	w.flags(&g.sure)
	n := w.number()
	if n > mostMembers || lease > uint64(time.Hour) {
		return g, errWire
	}
	for range n {
		m := member{server: w.text(), client: w.text()}
		w.flags(&m.online)
		g.members = append(g.members, m)
	}
	return g, w.end()
}

// join asks the primary for its stream.
type join struct {
	epoch   uint64 // that the server takes the primary's to be
	session uint64 // of the server's; the latest counts
	end     uint64 // of its log
	applied uint64 // what it cannot take back
	whole   bool
	lineage lineage
}

func (j *join) append(b []byte) []byte {
	b = putFlags(putNumbers(append(b, joinFrame), j.epoch, j.session, j.end, j.applied), j.whole)
	return putLineage(b, j.lineage)
}

func (w *wire) join() (j join, err error) {
	j = join{epoch: w.number(), session: w.number(), end: w.number(), applied: w.number()}
	w.flags(&j.whole)
	j.lineage = w.lineage()
	return j, w.end()
}

// turn begins each frame of a session: nothing is missing if their numbers follow each other.
type turn struct {
	epoch, session, number uint64
}

func (t turn) append(b []byte, kind byte) []byte {
	return putNumbers(append(b, kind), t.epoch, t.session, t.number)
}

func (w *wire) turn() turn { return turn{w.number(), w.number(), w.number()} }

// resume says what stays.
type resume struct {
	turn
	fork    uint64 // behind it the server's log is discarded
	goal    uint64 // where it is whole: what it may have said that it has is not beyond
	lineage lineage
}

func (r *resume) append(b []byte) []byte {
	return putLineage(putNumbers(r.turn.append(b, resumeFrame), r.fork, r.goal), r.lineage)
}

func (w *wire) resume() (r resume, err error) {
	r = resume{turn: w.turn(), fork: w.number(), goal: w.number(), lineage: w.lineage()}
	return r, w.end()
}

// image is a piece of a snapshot.
type image struct {
	turn
	at, size uint64 // where in the snapshot it belongs, and how long that is
	offset   uint64 // what the snapshot stands for
	fork     uint64 // the last offset that the server and the primary may agree on
	goal     uint64
	sum      uint64  // of the whole snapshot
	lineage  lineage // with the first piece
	data     []byte
}

func (i *image) append(b []byte) []byte {
	b = putNumbers(i.turn.append(b, imageFrame), i.at, i.size, i.offset, i.fork, i.goal, i.sum)
	return putBytes(putLineage(b, i.lineage), i.data)
}

func (w *wire) image() (i image, err error) {
	i = image{turn: w.turn(), at: w.number(), size: w.number(), offset: w.number(), fork: w.number(), goal: w.number(), sum: w.number(),
		lineage: w.lineage(), data: w.bytes()}
	return i, w.end()
}

// stream is entries.
type stream struct {
	turn
	before    uint64 // the offset before the first entry: where the server's log ends
	committed uint64
	stamp     uint64 // of the server's own: committed was all that anybody had been told then; 0 if that cannot be said
	entries   [][]byte
}

func (s *stream) append(b []byte) []byte {
	b = putNumbers(s.turn.append(b, streamFrame), s.before, s.committed, s.stamp, uint64(len(s.entries)))
	for _, entry := range s.entries {
		b = putBytes(b, entry)
	}
	return b
}

func (w *wire) stream() (s stream, err error) {
	s = stream{turn: w.turn(), before: w.number(), committed: w.number(), stamp: w.number()}
	n := w.number()
	if n > uint64(len(w.rest)) {
		return s, errWire
	}
	for range n {
		s.entries = append(s.entries, w.bytes())
	}
	return s, w.end()
}

// ack says what has come: every turn below next, and, durably, every entry up to durable.
type ack struct {
	epoch, session uint64
	next           uint64
	durable        uint64
	stamp          uint64 // when it was sent, by the server's own clock
}

func (a *ack) append(b []byte) []byte {
	return putNumbers(append(b, ackFrame), a.epoch, a.session, a.next, a.durable, a.stamp)
}

func (w *wire) ack() (a ack, err error) {
	a = ack{w.number(), w.number(), w.number(), w.number(), w.number()}
	return a, w.end()
}
