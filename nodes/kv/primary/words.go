package primary

import (
	"fmt"

	"simrun/nodes"
	"simrun/nodes/kv"
)

// frameWords is a frame as a person reads it.
func frameWords(b []byte) nodes.Message {
	if len(b) == 0 {
		return nodes.Message{Name: "frame"}
	}
	in := wire{rest: b[1:]}
	switch b[0] {
	case reportFrame:
		if r, err := in.report(); err == nil {
			return nodes.Message{Name: "report", Quiet: true, Text: fmt.Sprintf("epoch %d promised %d log to %s serves=%v", r.epoch, r.promised, r.last, r.serves)}
		}
	case grantFrame:
		if g, err := in.grant(); err == nil {
			return nodes.Message{Name: "grant", Quiet: true, Text: fmt.Sprintf("%s, lease %s", g.decree.String(), g.lease)}
		}
	case fenceFrame:
		if f, err := in.fence(); err == nil {
			return nodes.Message{Name: "fence", Text: fmt.Sprintf("promise epoch %d", f.epoch)}
		}
	case joinFrame:
		if j, err := in.join(); err == nil {
			return nodes.Message{Name: "join", Text: fmt.Sprintf("epoch %d, log to %s, done to %d", j.epoch, place{j.lineage.at(j.end).epoch, j.end}, j.applied)}
		}
	case resumeFrame:
		if r, err := in.resume(); err == nil {
			return nodes.Message{Name: "resume", Text: fmt.Sprintf("epoch %d from %d", r.epoch, r.fork)}
		}
	case imageFrame:
		if i, err := in.image(); err == nil {
			return nodes.Message{Name: "snapshot", Text: fmt.Sprintf("epoch %d, to %d, %d+%d of %d bytes", i.epoch, i.offset, i.at, len(i.data), i.size)}
		}
	case streamFrame:
		if m, err := in.stream(); err == nil {
			return streamWords(&m)
		}
	case ackFrame:
		if a, err := in.ack(); err == nil {
			return nodes.Message{Name: "ack", Quiet: true, Text: fmt.Sprintf("epoch %d, durable to %d, turn %d", a.epoch, a.durable, a.next)}
		}
	}
	return nodes.Message{Name: "frame", Text: nodes.Brief(b)}
}

func streamWords(m *stream) nodes.Message {
	text := fmt.Sprintf("epoch %d, committed %d", m.epoch, m.committed)
	if len(m.entries) == 0 {
		return nodes.Message{Name: "heartbeat", Quiet: true, Text: text}
	}
	for i, entry := range m.entries[:min(len(m.entries), 3)] {
		text += fmt.Sprintf(", %d=%s", m.before+1+uint64(i), entryWords(entry))
	}
	if more := len(m.entries) - 3; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return nodes.Message{Name: "stream", Text: text}
}

func entryWords(entry []byte) string {
	if len(entry) > 1 && entry[0] == entryCommand {
		return kv.EntryWords(entry[1:])
	}
	return "epoch"
}

// decreeWords is a decree as a person reads it.
func decreeWords(b []byte) string {
	in := wire{rest: b}
	d := in.decree()
	if in.end() != nil {
		return nodes.Brief(b)
	}
	return d.String()
}

// String is the decree on one line.
func (d *decree) String() string {
	if d.epoch == 0 {
		return "no epoch yet"
	}
	return fmt.Sprintf("epoch %d is %s's", d.epoch, d.primary)
}
