package primary

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// frames is one of each sort.
func frames() [][]byte {
	of := lineage{{1, 77, 1}, {4, 78, 9}}
	d := decree{epoch: 4, id: 78, primary: "kv/1:16379", client: "kv/1:6379", life: 5}
	r := report{life: 1, sequence: 2, epoch: 3, promised: 4, ballot: 11, acknowledge: 1, last: place{3, 9}, whole: true, serves: true, client: "kv/1:6379"}
	g := grant{life: 1, sequence: 2, decree: d, lease: time.Second, sure: true, members: []member{{"kv/1:16379", "kv/1:6379", true}}}
	j := join{epoch: 4, session: 6, end: 12, applied: 10, whole: true, lineage: of}
	u := resume{turn{4, 6, 0}, 10, 12, of}
	i := image{turn: turn{4, 6, 1}, at: 3, size: 9, offset: 10, fork: 8, goal: 12, sum: 99, lineage: of, data: []byte("abc")}
	s := stream{turn: turn{4, 6, 2}, before: 10, committed: 9, stamp: 1 << 40, entries: [][]byte{{'e', 4}, []byte("cabc")}}
	a := ack{4, 6, 3, 12, 1 << 40}
	f := fence{5, 11, 1}
	return [][]byte{r.append(nil), g.append(nil), f.append(nil), j.append(nil), u.append(nil), i.append(nil), s.append(nil), a.append(nil)}
}

// again reads a frame and writes what it read.
func again(b []byte) (out []byte, err error) {
	if len(b) == 0 {
		return nil, errWire
	}
	in := wire{rest: b[1:]}
	switch b[0] {
	case reportFrame:
		r, err := in.report()
		return r.append(nil), err
	case grantFrame:
		g, err := in.grant()
		return g.append(nil), err
	case fenceFrame:
		f, err := in.fence()
		return f.append(nil), err
	case joinFrame:
		j, err := in.join()
		return j.append(nil), err
	case resumeFrame:
		r, err := in.resume()
		return r.append(nil), err
	case imageFrame:
		i, err := in.image()
		return i.append(nil), err
	case streamFrame:
		s, err := in.stream()
		return s.append(nil), err
	case ackFrame:
		a, err := in.ack()
		return a.append(nil), err
	}
	return nil, errWire
}

// If this failed, servers would not understand each other.
func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	for _, frame := range frames() {
		out, err := again(frame)
		require.NoError(t, err, "%q", frame)
		require.Equal(t, frame, out)
		require.NotEqual(t, "frame", frameWords(frame).Name)
		for cut := range frame {
			_, err := again(frame[:cut])
			require.Error(t, err, "%q cut at %d", frame, cut)
		}
		_, err = again(append(frame, 0))
		require.Error(t, err)
	}
}

// Whatever comes, it is read, and means the same when it is written again; or it is refused.
func FuzzFrames(f *testing.F) {
	for _, frame := range frames() {
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = frameWords(b)
		_ = decreeWords(b)
		out, err := again(b)
		if err != nil {
			return
		}
		twice, err := again(out)
		require.NoError(t, err)
		require.Equal(t, out, twice)
	})
}

// Whatever a journal holds, it is taken, or refused.
func FuzzRecords(f *testing.F) {
	base := foundation{offset: 3, promised: 2, whole: true, lineage: lineage{{1, 77, 1}}}
	for record := range records(base, []byte("no image"), [][]byte{{'e', 1}, []byte("cx")}) {
		f.Add(record, true)
		f.Add(record, false)
	}
	f.Add(appendLineageRecord(nil, 0, lineage{{1, 77, 1}}), false)
	f.Add(putNumbers([]byte{recordPromise}, 7), false)
	f.Add([]byte{recordWhole}, false)
	f.Fuzz(func(t *testing.T, record []byte, snapshot bool) {
		r := newRecovered()
		for range 2 {
			_ = r.take(record, snapshot)
		}
		_ = r.made()
		require.GreaterOrEqual(t, r.log.end(), r.log.base)
	})
}
