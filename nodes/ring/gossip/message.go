package gossip

import (
	"fmt"
	"strings"

	"simrun/nodes/ring"
)

// Type is what a message says.
type Type uint8

// The types.
const (
	Ping      Type = iota + 1
	Ack            // to a Ping, or to an Ask whose target has acknowledged
	Ask            // to ping Target in the sender's place (the paper's ping-req)
	Nack           // to an Ask whose target has not acknowledged in time; so the asker knows that it is heard itself
	Sync           // all that is believed of the members after After and up to Through
	SyncReply      // and what the other believes of these
)

// String is the type's name.
func (t Type) String() string {
	return [...]string{"?", "Ping", "Ack", "Ask", "Nack", "Sync", "SyncReply"}[t]
}

// Message is what members say to each other. Which fields count depends on the type.
type Message struct {
	Type    Type
	Address string  // where it goes; it is not part of what is sent
	To      ring.ID // who is meant: nobody else at that address answers. Zero is whoever is there
	From    Member  // the sender, as it says of itself
	Seq     uint64  // Ping, Ask, and carried back by Ack and Nack
	Target  ring.ID // Ask
	After   ring.ID // Sync, SyncReply
	Through ring.ID // Sync, SyncReply
	Updates []Update
}

// String is the message on one line.
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d→", m.From.ID)
	if m.To != 0 {
		fmt.Fprintf(&b, "%d", m.To)
	} else {
		b.WriteString(m.Address)
	}
	fmt.Fprintf(&b, " %s", m.Type)
	switch m.Type {
	case Ping, Ack, Nack:
		fmt.Fprintf(&b, " #%d", m.Seq)
	case Ask:
		fmt.Fprintf(&b, " #%d for %d", m.Seq, m.Target)
	case Sync, SyncReply:
		if m.Through != everybody {
			fmt.Fprintf(&b, " (%d,%d]", m.After, m.Through)
		}
	}
	if m.From.State != Alive || m.From.Incarnation > 0 {
		fmt.Fprintf(&b, " from %s/%d", m.From.State, m.From.Incarnation)
	}
	for _, u := range m.Updates {
		fmt.Fprintf(&b, " [%s]", u)
	}
	return b.String()
}
