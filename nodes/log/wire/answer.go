package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// taggedHead says whether tagged fields stand between an answer's number and its body. That of ApiVersions has none in any version: who
// asks does not know yet what the other side speaks.
func taggedHead(r kmsg.Response) bool { return r.IsFlexible() && r.Key() != ApiVersions }

// AppendAnswer appends an answer as it lies in a stream.
func AppendAnswer(dst []byte, correlation int32, r kmsg.Response) []byte {
	return appendSized(dst, func(dst []byte) []byte {
		dst = binary.BigEndian.AppendUint32(dst, uint32(correlation))
		if taggedHead(r) {
			dst = append(dst, 0)
		}
		return r.AppendTo(dst)
	})
}

// Correlation is the number of the request that an answer is for. Errors: ErrMalformed.
func Correlation(b []byte) (int32, error) {
	if len(b) < leastMessage {
		return 0, fmt.Errorf("%w: an answer of %d bytes", ErrMalformed, len(b))
	}
	return int32(binary.BigEndian.Uint32(b)), nil
}

// DecodeAnswer reads a message of a stream as the answer to a request of that key and version. Its bytes are the
// message's own memory. Errors: ErrMalformed.
func DecodeAnswer(b []byte, key, version int16) (kmsg.Response, error) {
	api := Find(key)
	if api == nil || len(b) < leastMessage {
		return nil, fmt.Errorf("%w: an answer of %d bytes to key %d", ErrMalformed, len(b), key)
	}
	r := New(key, version).ResponseKind()
	body := b[leastMessage:]
	if key == ApiVersions && len(body) >= 2 && Code(binary.BigEndian.Uint16(body)) == UnsupportedVersion {
		r.SetVersion(0)
	}
	w := walker{b: body, flexible: r.IsFlexible()}
	if taggedHead(r) {
		w.tags()
	}
	if w.bad || !api.answer.fits(w.b, r.GetVersion(), w.flexible) {
		return nil, fmt.Errorf("%w: not an answer of %s in version %d", ErrMalformed, api.Name, version)
	}
	if err := r.ReadFrom(w.b); err != nil {
		return nil, fmt.Errorf("%w: %s version %d: %w", ErrMalformed, api.Name, version, err)
	}
	return r, nil
}

// Versions is the answer to a request for the versions that are spoken. One that is itself too new is answered with
// UnsupportedVersion, in version 0, which every client can read.
func Versions(version int16) *kmsg.ApiVersionsResponse {
	r := kmsg.NewPtrApiVersionsResponse()
	if api := Find(ApiVersions); version < api.Least || version > api.Most {
		r.ErrorCode = int16(UnsupportedVersion)
		version = 0
	}
	r.SetVersion(version)
	for _, a := range apis {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.Key, a.Least, a.Most
		r.ApiKeys = append(r.ApiKeys, k)
	}
	return r
}
