package front

import (
	"maps"
	"slices"
	"strings"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// moment is what the recorder is told of a command.
type moment struct{ received, sent string }

func momentsOf(commands kv.Commands) map[string]moment {
	all := map[string]moment{"ONCE OPEN": {"recv ONCE", "send ONCE"}}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		if !commands[name].Is(kv.Local) {
			all[name] = moment{"recv " + name, "send " + name}
		}
	}
	return all
}

// Moments are the names that a front with these commands gives to moments: `recv SET` when it takes one, `send SET` when
// its answer is about to leave.
func Moments(commands kv.Commands) (names []string) {
	all := momentsOf(commands)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		names = append(names, all[name].received, all[name].sent)
	}
	return names
}

func (f *Front) note(name string) {
	if name != "" {
		f.record.Note(name)
	}
}

// KeysGauge is the gauge "keys" of a server of keys, in words.
var KeysGauge = nodes.Gauge{Name: "keys", Title: "Keys", Unit: "key"}

// Protocol is how reports read what is spoken at a front: a command that comes in envelopes is told by its own name.
var Protocol = nodes.Protocol{Name: resp.Protocol.Name, Listen: resp.Protocol.Listen, Read: func(b []byte, asked bool) (m nodes.Message, n int) {
	m, n = resp.Protocol.Read(b, asked)
	for n > 0 && asked {
		words := map[string]int{"ONCE": 2, "VERSIONED": 0}
		skip, envelope := words[m.Name]
		parts := strings.SplitN(m.Text, " ", skip+2)
		if !envelope || len(parts) <= skip {
			break
		}
		m.Name, m.Text = strings.ToUpper(parts[skip]), strings.Join(parts[skip+1:], " ")
	}
	return m, n
}}
