package nodes

import "strconv"

// Words teach reports to tell of the nodes of a kind: what the bytes between them say, what its figures mean, and what its
// moments are called in a sentence. All of it is optional. Without words a report shows bytes as bytes, and each figure
// under its own name.
type Words struct {
	// Protocols are those that a node of the kind is spoken to in.
	Protocols []Protocol
	// Gauges are the figures of Recorder.Gauge that a chart is drawn of, in this order; any that is not named here has a
	// chart under its own name.
	Gauges []Gauge
	// Moments are what notes say of a node, in words that follow its name: "replayed" is "has read its journal".
	Moments map[string]string
}

// Protocol is what is spoken on the connections, or in the datagrams, that a node takes at one of its addresses.
type Protocol struct {
	Name string // "Gearman"
	// Listen is the key of the address in the node's configuration. Empty, or if the address names no port, it is Kind.Port.
	Listen string
	// Port is where the node listens if its configuration names no port; 0 is Kind.Port.
	Port int
	// Read reads the message at the beginning of b, which is from a peer of the node if asked, else from the node. It returns
	// how many of the bytes it takes: 0 if the message is not complete, less than 0 if b is none of the protocol.
	// Reports call it with anything that was ever sent; it must not panic, and not keep b.
	Read func(b []byte, asked bool) (m Message, n int)
}

// Message is one message of a protocol in words.
type Message struct {
	Name string // what it is: "SUBMIT_JOB_BG", "SET"
	Text string // the rest of it on one line: "thumb 8841", "key-7 \"41\""
	// Quiet says that it only keeps a connection or a leader alive: one of many that tell nothing.
	Quiet bool
}

// Words is the message on one line.
func (m *Message) Words() string {
	if m.Text == "" {
		return m.Name
	}
	return m.Name + " " + m.Text
}

// Gauge is a figure of a node in words.
type Gauge struct {
	Name  string // as Recorder.Gauge has it: "jobs"
	Title string // of its chart: "Jobs on the server"
	Unit  string // of one: "job"
	// Band has it drawn as a band for as long as it is not 0, with the value of another gauge written on it: who leads, and
	// in which term. It is that gauge's name.
	Band string
	// Hidden leaves it out of the charts: it is drawn as another's band, or says nothing to a person.
	Hidden bool
}

// Brief is bytes as a person reads them: as they are if they are plain text without spaces, else in quotes, and of long ones the
// beginning.
func Brief(b []byte) string {
	const most = 48
	more := ""
	if len(b) > most {
		b, more = b[:most], "…"
	}
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == '"' {
			return strconv.Quote(string(b)) + more
		}
	}
	if len(b) == 0 {
		return `""`
	}
	return string(b) + more
}
