package sim

import (
	"encoding/base64"
	"fmt"
	"math/bits"
	"time"

	"github.com/zeebo/xxh3"

	"simrun/netmodel"
)

// Hash is the rolling hash of everything that happened: one run, one hash.
type Hash struct{ Hi, Lo uint64 }

// String is the hash in 32 hexadecimal digits.
func (h Hash) String() string { return fmt.Sprintf("%016x%016x", h.Hi, h.Lo) }

func (h *Hash) fold(a, b, c uint64) {
	const p0, p1, p2 = 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3
	hi, lo := bits.Mul64(h.Lo^a^p0, h.Hi^b^p1)
	h.Hi = hi ^ bits.RotateLeft64(h.Hi, 41) + c*p2
	h.Lo = lo ^ bits.RotateLeft64(h.Lo, 23) ^ c
}

// Stretch is how many steps lie between two checkpoints.
const Stretch = 1024

// trace folds every step into the hash. Checkpoints are kept always, so that two runs that differ can be
// told apart to within a thousand steps; lines only where a run is looked at.
type trace struct {
	hash        Hash
	steps       uint64
	checkpoints []Hash
	recording   bool
	closely     Steps
	lines       []Line
	most        int    // everyday lines, if not 0
	everyday    int    // how many there are
	left        uint64 // how many were left out
	payload     int    // bytes of packets so far
}

func (t *trace) step(at time.Duration, what uint64, arg uint64) {
	t.steps++
	t.hash.fold(uint64(at), what, arg)
	if t.steps%Stretch == 0 {
		t.checkpoints = append(t.checkpoints, t.hash)
	}
}

// note folds something that is no step of its own, such as the bytes of a write.
func (t *trace) note(what, arg uint64) { t.hash.fold(what, arg, t.steps) }

// Steps are those from From on and before To.
type Steps struct{ From, To uint64 }

// close says whether the step is one that is looked at closely.
func (t *trace) close() bool { return t.steps-t.closely.From < t.closely.To-t.closely.From }

// foldBytes folds what a node wrote to a socket.
func (w *World) foldBytes(p []byte) {
	sum := xxh3.Hash(p)
	w.trace.note(uint64(len(p)), sum)
	if w.trace.close() && w.running != nil {
		w.record(w.running.life.host.Name, "write", "", fmt.Sprintf("%s writes %016x", w.running.name, sum), len(p))
	}
}

// recordEvent records an event for who looks closely: whose timer, or which event of the network.
func (w *World) recordEvent(e event) {
	switch e.kind {
	case evTimer:
		t := &w.timers[e.id]
		if t.life == nil || uint64(t.serial) != e.arg {
			w.record("", "event", "", fmt.Sprintf("a stopped timer, %d", e.id), 0)
			return
		}
		whose := fmt.Sprintf("timer %d", e.id)
		if sleeper, ok := t.what.(*task); ok {
			whose = "timer of task " + sleeper.name
		}
		w.record(t.life.host.Name, "event", "", whose+" rings", 0)
	case evCall:
		w.record("", "event", "", fmt.Sprintf("call %d", e.id), 0)
	default:
		w.record("", "event", "", fmt.Sprintf("network: %d of %d, %x", e.kind-evNet, e.id, e.arg), 0)
	}
}

// Line is one event of a recorded run, for people and for files.
type Line struct {
	Step  uint64        `json:"step"`
	At    time.Duration `json:"at_ns"`
	Host  string        `json:"host,omitempty"`
	Kind  string        `json:"kind"` // "packet", "disk", "fault", "note", "state", "log", "power", "process", …
	Peer  string        `json:"peer,omitempty"`
	What  string        `json:"what"`
	Bytes int           `json:"bytes,omitempty"`
	Wire  Wire          `json:"wire,omitzero"`
}

// Wire is what a line of the kind "packet" says besides: Host sent it to Peer, and At is when it arrived or was lost.
type Wire struct {
	Kind    netmodel.PacketKind `json:"kind"`
	Sent    time.Duration       `json:"sent_ns"`
	From    uint16              `json:"from"`              // port
	To      uint16              `json:"to"`                // port
	Lost    string              `json:"lost,omitempty"`    // why it did not arrive
	Conn    uint64              `json:"conn,omitempty"`    // the connection; 0 for datagrams
	Offset  uint64              `json:"offset,omitempty"`  // where the payload lies in what Host wrote to the connection
	Payload Payload             `json:"payload,omitempty"` // what it carried, as far as that is kept
}

// Payload is bytes that can be compared; in JSON they are written as package encoding/base64 does.
type Payload string

// MarshalText implements encoding.TextMarshaler.
func (p Payload) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, []byte(p)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Payload) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	*p = Payload(b)
	return err
}

// String is the event in one line without a legend.
func (l Line) String() string {
	s := fmt.Sprintf("%10.6fs #%d %s", l.At.Seconds(), l.Step, l.Host)
	if l.Peer != "" {
		s += " -> " + l.Peer
	}
	s += " " + l.Kind + " " + l.What
	if l.Bytes != 0 {
		s += fmt.Sprintf(" (%d bytes)", l.Bytes)
	}
	return s
}

func (w *World) record(host, kind, peer, what string, n int) {
	w.keep(Line{Step: w.trace.steps, At: w.now, Host: host, Kind: kind, Peer: peer, What: what, Bytes: n})
}

func (w *World) keep(l Line) { w.trace.lines = append(w.trace.lines, l) }

// wants says whether a line of an everyday kind is to be made, about a packet, a disk, a note, a state or a log: not if there
// are too many already.
func (t *trace) wants() bool {
	switch {
	case !t.recording:
		return false
	case t.most > 0 && t.everyday >= t.most:
		t.left++
		return false
	}
	t.everyday++
	return true
}

// mostPayload bounds the bytes of packets that a world keeps.
const mostPayload = 256 << 20

// wiretap records every packet that arrived or was lost. It is a netmodel.Observer.
type wiretap World

func (t *wiretap) Packet(p netmodel.Packet) {
	if !t.trace.wants() {
		return
	}
	what := fmt.Sprintf("%s :%d to :%d", p.Kind, p.From.Port, p.To.Port)
	if p.Dropped != "" {
		what += ", lost: " + p.Dropped
	}
	w := (*World)(t)
	l := Line{Step: w.trace.steps, At: w.now, Host: p.From.Host, Kind: "packet", Peer: p.To.Host, What: what, Bytes: p.Bytes,
		Wire: Wire{Kind: p.Kind, Sent: p.Sent, From: uint16(p.From.Port), To: uint16(p.To.Port), Lost: p.Dropped, Conn: p.Conn, Offset: p.Offset}}
	if w.trace.payload += len(p.Data); w.trace.payload <= mostPayload {
		l.Wire.Payload = Payload(p.Data)
	}
	w.keep(l)
}
