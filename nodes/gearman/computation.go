package gearman

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// Result is what a worker of that name makes of a job: for the functions
//
//	wc        how many lines the payload has, as wc -l says it
//	reverse   the payload backwards
//
// and for every other function the worker's name, a space, and what sha256sum says of the payload. It
// is a pure function, so that an answer can be held against the payload that it must have come from.
func Result(worker, function string, payload []byte) []byte {
	switch function {
	case "wc":
		return append(strconv.AppendInt(nil, int64(bytes.Count(payload, []byte("\n"))), 10), '\n')
	case "reverse":
		reversed := bytes.Clone(payload)
		slices.Reverse(reversed)
		return reversed
	default:
		sum := sha256.Sum256(payload)
		result := make([]byte, 0, len(worker)+1+2*len(sum))
		result = append(append(result, worker...), ' ')
		return hex.AppendEncode(result, sum[:])
	}
}

// ReducedResult is what a worker makes of a reduce job: the function's results for each line of the
// payload, a line each, given to the reducer.
func ReducedResult(worker, function, reducer string, payload []byte) []byte {
	var mapped []byte
	for line := range bytes.Lines(payload) {
		mapped = append(mapped, Result(worker, function, bytes.TrimSuffix(line, []byte("\n")))...)
		mapped = append(mapped, '\n')
	}
	return Result(worker, reducer, mapped)
}
