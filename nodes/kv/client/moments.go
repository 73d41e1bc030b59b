package client

import (
	"slices"
	"strings"

	"simrun/nodes/resp"
)

// Moments: `send SET` as the request leaves, `recv OK` as an answer of that sort comes. Errors have their code, other
// answers a word each.
var moments = func() (all []string) {
	for _, name := range sendable {
		all = append(all, "send "+name)
	}
	for _, word := range append(answers, receivable...) {
		all = append(all, "recv "+word)
	}
	return all
}()

var (
	sendable   = []string{"GET", "SET", "DEL", "INCR", "ONCE", "READONLY", "ASKING"}
	answers    = []string{"OK", "VALUE", "NUMBER", "NOTHING", "ANSWER", "ERR"}
	receivable = []string{"MOVED", "ASK", "READONLY", "CLUSTERDOWN", "LOADING", "TRYAGAIN", "MISCONF", "OOM", "NOSESSION", "UNCERTAIN",
		"NOREPLICAS", "MASTERDOWN", "BEHIND"}
)

// nameOf is the command that a request is, without its envelopes.
func nameOf(args [][]byte) string {
	at := 0
	if string(args[0]) == "ONCE" && len(args) > 3 {
		at = 3
	}
	if string(args[at]) == "QUORUM" && len(args) > at+3 {
		at += 3
	}
	if string(args[at]) == "SINCE" && len(args) > at+2 {
		at += 2
	}
	if string(args[at]) == "VERSIONED" {
		at++
	}
	return string(args[at])
}

// wordOf is the sort of an answer.
func wordOf(v *resp.Value) string {
	switch v.Kind {
	case resp.Simple:
		return "OK"
	case resp.Integer:
		return "NUMBER"
	case resp.Bulk:
		return "VALUE"
	case resp.Failure:
		code, _, _ := strings.Cut(string(v.Text), " ")
		if slices.Contains(receivable, code) {
			return code
		}
		return "ERR"
	case resp.Array:
		if len(v.Array) == 2 { // with its version
			return wordOf(&v.Array[0])
		}
		return "ANSWER"
	}
	return "NOTHING"
}
