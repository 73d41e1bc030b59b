package client

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"simrun/nodes/resp"
)

// A basket is a key whose value is a list of elements, which only a ring with vectors of versions keeps whole while several
// add to it at once ("Dynamo", 2007, §4.4): who adds reads all siblings, puts them together with its own, and says by the
// context what it has seen. So every value is there until somebody has seen it who writes in its place.

// inBasket says whether the errand is about a list of elements.
func (e *errand) inBasket() bool { return e.verb == "add" || e.verb == "list" }

// basket reads what VERSIONED GET answers: the elements of all siblings, each once, and the context.
func basket(v *resp.Value) (elements []string, token []byte, err error) {
	if v.Kind != resp.Array || len(v.Array) != 2 || v.Array[1].Kind != resp.Bulk {
		return nil, nil, fmt.Errorf("%w: %s to a request for siblings", errProtocol, v)
	}
	siblings := v.Array[:1]
	if v.Array[0].Kind == resp.Array {
		siblings = v.Array[0].Array
	}
	for i := range siblings {
		switch one := &siblings[i]; {
		case one.IsNull():
		case one.Kind == resp.Bulk:
			elements = append(elements, strings.Split(string(one.Text), ",")...)
		default:
			return nil, nil, fmt.Errorf("%w: %s as a sibling", errProtocol, one)
		}
	}
	slices.Sort(elements)
	return slices.Compact(elements), v.Array[1].Text, nil
}

// addTo writes what was read of a basket, and one element more, in its place.
func (p *pursuit) addTo(l *line, read *call) *call {
	elements, token, err := basket(&read.answer)
	if err != nil {
		l.Fail(err)
		return &call{err: err} // nothing was written
	}
	p.env.Record().Sometimes(putTogether, read.answer.Array[0].Kind == resp.Array)
	if !slices.Contains(elements, p.errand.value) {
		elements = append(elements, p.errand.value)
	}
	args := append(p.quorum(), []byte("CONTEXT"), token)
	k := &call{args: append(args, words("SET", p.errand.key, strings.Join(elements, ","))...), patience: read.patience}
	dawdle(p.env, slowSend)
	l.do(k)
	return k
}

// outOfBasket is what the history keeps of an answer.
func outOfBasket(e *errand, v *resp.Value) ([]slog.Attr, error) {
	if e.verb == "add" {
		if v.Kind != resp.Simple {
			return nil, fmt.Errorf("%w: %s to %s", errProtocol, v, e.verb)
		}
		return nil, nil
	}
	elements, _, err := basket(v)
	return []slog.Attr{slog.Any("value", append([]string{}, elements...))}, err
}
