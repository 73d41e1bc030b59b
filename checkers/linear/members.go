package linear

import (
	"encoding/binary"
	"slices"
	"sort"
)

// member is a value as it stands in the state of a set: a text of all members in eight bytes each, sorted.
type member Value

const memberSize = 8

func (m member) text() string { return string(binary.BigEndian.AppendUint64(nil, inOrder(int64(m)))) }

// find is where the member is in the set, or belongs.
func (m member) find(set string) (at int, is bool) {
	text := m.text()
	at = memberSize * sort.Search(len(set)/memberSize, func(i int) bool { return set[i*memberSize:(i+1)*memberSize] >= text })
	return at, at < len(set) && set[at:at+memberSize] == text
}

// add is the set with the member in it; fresh says that it was not before.
func (m member) add(set string) (with string, fresh bool) {
	at, is := m.find(set)
	if is {
		return set, false
	}
	return set[:at] + m.text() + set[at:], true
}

// remove is the set without the member.
func (m member) remove(set string) string {
	if at, is := m.find(set); is {
		return set[:at] + set[at+memberSize:]
	}
	return set
}

// setOf is the set of those members. It has two places for one that is named twice, and so is equal to none.
func setOf(members []Value) string {
	var text []byte
	for _, v := range slices.Sorted(slices.Values(members)) {
		text = append(text, member(v).text()...)
	}
	return string(text)
}
