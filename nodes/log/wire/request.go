package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Header is what stands before a request.
type Header struct {
	Key, Version int16
	// Correlation is the number by which the asking side tells whose an answer is.
	Correlation int32
	// Client is what the asking side calls itself. It is at most longestClient bytes.
	Client string
}

// longestClient bounds what is kept of a client's name.
const longestClient = 256

// DecodeRequest reads a message of a stream as a request. Its records and other bytes are the message's own memory.
//
// Errors: ErrMalformed; ErrUnspoken where the key or the version is not spoken. The header is right in the latter case, so that a
// request for the versions, which may be of a version that is yet to come, can be answered (see TooNew).
func DecodeRequest(b []byte) (Header, kmsg.Request, error) {
	var h Header
	if len(b) < 8 {
		return h, nil, fmt.Errorf("%w: a request of %d bytes", ErrMalformed, len(b))
	}
	h.Key = int16(binary.BigEndian.Uint16(b))
	h.Version = int16(binary.BigEndian.Uint16(b[2:]))
	h.Correlation = int32(binary.BigEndian.Uint32(b[4:]))
	api := Find(h.Key)
	if api == nil || h.Version < api.Least || h.Version > api.Most {
		return h, nil, fmt.Errorf("%w: key %d, version %d", ErrUnspoken, h.Key, h.Version)
	}
	r := New(h.Key, h.Version)
	w := walker{b: b[8:], flexible: r.IsFlexible()}
	if n := int(int16(w.fixed(2))); n > 0 {
		name := w.b
		w.skip(n)
		if !w.bad {
			h.Client = string(name[:min(n, longestClient)])
		}
	}
	if w.flexible {
		w.tags()
	}
	if w.bad || !api.request.fits(w.b, h.Version, w.flexible) {
		return h, nil, fmt.Errorf("%w: not a request for %s of version %d", ErrMalformed, api.Name, h.Version)
	}
	if err := r.ReadFrom(w.b); err != nil {
		return h, nil, fmt.Errorf("%w: %s version %d: %w", ErrMalformed, api.Name, h.Version, err)
	}
	return h, r, nil
}

// AppendRequest appends a request as it lies in a stream.
func AppendRequest(dst []byte, correlation int32, client string, r kmsg.Request) []byte {
	return appendSized(dst, func(dst []byte) []byte {
		dst = binary.BigEndian.AppendUint16(dst, uint16(r.Key()))
		dst = binary.BigEndian.AppendUint16(dst, uint16(r.GetVersion()))
		dst = binary.BigEndian.AppendUint32(dst, uint32(correlation))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(client)))
		dst = append(dst, client...)
		if r.IsFlexible() {
			dst = append(dst, 0)
		}
		return r.AppendTo(dst)
	})
}
