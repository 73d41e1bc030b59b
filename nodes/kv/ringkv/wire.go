package ringkv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"simrun/nodes/ring"
	"simrun/nodes/ring/wire"
)

// errFrame tells of bytes that no version of this package has written.
var errFrame = errors.New("ringkv: malformed")

// verb is what a server asks of another.
type verb byte

// The verbs, and what goes with each of them and with its answer.
const (
	answerVerb  verb = iota // a status, and what the verb says
	getVerb                 // a key → whether this server's copies are whole, and lore
	putVerb                 // entries, which are to be on disk → nothing
	holdVerb                // for whom, and entries: hints, which are to be on disk → nothing
	forwardVerb             // a command → its answer
	compareVerb             // merkle.Question → merkle.Answer
	pageVerb                // a range, and a key after which to begin → entries, and whether that is all
	confirmVerb             // marks of tombstones → an opinion of each
	purgeVerb               // marks of tombstones that everybody has → nothing
	whoVerb                 // nothing → the address for clients
	outliveVerb             // a ring, and servers without whom tombstones are dropped, which is to be on disk → nothing
	doubtVerb               // a ring → whether this server's copies are whole, and when it last noted that of who asks
	verbs
)

// status is how an answer begins.
type status byte

// The statuses.
const (
	done    status = iota
	refused        // it was not done, and why
	lost           // no answer came; it is never sent
)

// envelope is what every frame begins with.
type envelope struct {
	verb   verb
	number uint64  // of the call
	from   ring.ID // who sends it
	to     ring.ID // who is meant: another that has come to be at its address does not answer. Zero is whoever is there
	status status  // of an answer
}

func appendEnvelope(b []byte, e envelope) []byte {
	b = append(b, byte(e.verb), byte(e.status))
	b = binary.AppendUvarint(b, e.number)
	b = binary.AppendUvarint(b, uint64(e.from))
	return binary.AppendUvarint(b, uint64(e.to))
}

// openEnvelope reads an envelope; what is in it is what is left.
func openEnvelope(b []byte) (e envelope, body []byte, err error) {
	d := decode(b)
	e.verb, e.status = verb(d.Byte()), status(d.Byte())
	e.number, e.from, e.to = d.Uint(math.MaxUint64), ring.ID(d.Uint(math.MaxUint64)), ring.ID(d.Uint(math.MaxUint64))
	if d.Failed() || e.verb >= verbs || e.status >= lost || e.from == 0 {
		return envelope{}, nil, fmt.Errorf("%w: an envelope", errFrame)
	}
	return e, d.Rest(), nil
}

// entry is a key and what is known of it.
type entry struct {
	key   []byte
	known []byte
}

func (e *entry) size() int { return len(e.key) + len(e.known) + 16 }

func appendEntries(b []byte, entries []entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for _, e := range entries {
		b = wire.AppendBytes(wire.AppendBytes(b, e.key), e.known)
	}
	return b
}

// entries reads what appendEntries wrote, and looks into each.
func (d decoder) entries(v Versions) (all []entry, known []lore) {
	for range d.Count(2) {
		e := entry{d.Bytes(), d.Bytes()}
		l, err := v.decode(e.known)
		if err != nil || d.Failed() {
			d.Fail()
			return nil, nil
		}
		all, known = append(all, e), append(known, l)
	}
	return all, known
}

// mark names a tombstone: a key, and the digest of what is known of it.
type mark struct {
	key    []byte
	digest uint64
}

func appendMarks(b []byte, ring uint64, marks []mark) []byte {
	b = binary.LittleEndian.AppendUint64(b, ring)
	b = binary.AppendUvarint(b, uint64(len(marks)))
	for _, m := range marks {
		b = binary.LittleEndian.AppendUint64(wire.AppendBytes(b, m.key), m.digest)
	}
	return b
}

func (d decoder) marks() (ring uint64, all []mark) {
	ring = d.Word()
	for range d.Count(9) {
		all = append(all, mark{d.Bytes(), d.Word()})
	}
	return ring, all
}

// datagram is a message of gossip, with a sum over it and the cluster's name: UDP's own is 16 bits wide, and knows of no
// clusters.
func datagram(cluster string, message []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(message)), gossipSum(cluster, message)), message...)
}

func openDatagram(cluster string, b []byte) ([]byte, error) {
	if len(b) < 4 || binary.LittleEndian.Uint32(b) != gossipSum(cluster, b[4:]) {
		return nil, fmt.Errorf("%w: a datagram", errFrame)
	}
	return b[4:], nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func gossipSum(cluster string, message []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(cluster), castagnoli), castagnoli, message)
}

// decoder takes values from the front of a message, with what a server of a ring has in its messages besides.
type decoder struct{ *wire.Decoder }

func decode(b []byte) decoder { return decoder{wire.Of(b)} }

// end says whether all was there, and nothing besides.
func (d decoder) end(what string) error {
	if d.Err() != nil {
		return fmt.Errorf("%w: %s", errFrame, what)
	}
	return nil
}
