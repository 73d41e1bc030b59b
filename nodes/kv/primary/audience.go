package primary

import (
	"slices"

	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/resp"
)

// audienceCommands are those of who wants to be told, rather than ask.
var audienceCommands = []kv.Command{
	{Name: "SUBSCRIBE", Arity: -2, Flags: kv.Served},
	{Name: "UNSUBSCRIBE", Arity: -1, Flags: kv.Served},
	{Name: "PSUBSCRIBE", Arity: -2, Flags: kv.Served},
	{Name: "PUNSUBSCRIBE", Arity: -1, Flags: kv.Served},
}

// What one listener may ask for.
const (
	mostChannels   = 64
	longestChannel = 256
)

// audience is who listens to a monitor, on which channels, in the order in which they came.
type audience struct{ listeners []*listener }

// listener is a connection that listens.
type listener struct {
	peer     *front.Peer
	channels []string
	patterns []string
}

// count is what Redis tells after each change: on how many channels and patterns it listens.
func (l *listener) count() int { return len(l.channels) + len(l.patterns) }

// of is the listener that a connection is.
func (a *audience) of(peer *front.Peer) *listener {
	a.listeners = slices.DeleteFunc(a.listeners, func(l *listener) bool { return l.peer.Closed() })
	for _, l := range a.listeners {
		if l.peer == peer {
			return l
		}
	}
	l := &listener{peer: peer}
	a.listeners = append(a.listeners, l)
	return l
}

// do does one of audienceCommands.
func (a *audience) do(c *front.Call) {
	l := a.of(c.Peer)
	list, names := &l.channels, texts(c.Args[1:])
	if c.Name[0] == 'P' {
		list = &l.patterns
	}
	begins := c.Name == "SUBSCRIBE" || c.Name == "PSUBSCRIBE"
	if begins && (l.count()+len(names) > mostChannels || slices.ContainsFunc(names, func(n string) bool { return len(n) > longestChannel })) {
		c.Error("ERR too many channels, or too long a name")
		return
	}
	if !begins && len(names) == 0 {
		names = slices.Clone(*list)
	}
	var out []byte
	kind := map[string]string{"SUBSCRIBE": "subscribe", "UNSUBSCRIBE": "unsubscribe", "PSUBSCRIBE": "psubscribe", "PUNSUBSCRIBE": "punsubscribe"}[c.Name]
	for _, name := range names {
		*list = slices.DeleteFunc(*list, func(n string) bool { return n == name })
		if begins {
			*list = append(*list, name)
		}
		out = resp.AppendBulk(resp.AppendBulk(resp.AppendArray(out, 3), kind), name)
		out = resp.AppendInt(out, int64(l.count()))
	}
	if len(names) == 0 { // there was nothing to leave
		out = resp.AppendInt(append(resp.AppendBulk(resp.AppendArray(out, 3), kind), "$-1\r\n"...), int64(l.count()))
	}
	c.Reply(out)
}

func texts(args [][]byte) (all []string) {
	for _, a := range args {
		all = append(all, string(a))
	}
	return all
}

// publish tells those who listen. One that does not read is closed, as any other.
func (a *audience) publish(channel, message string) {
	for _, l := range a.listeners {
		if slices.Contains(l.channels, channel) {
			l.peer.Push(resp.AppendBulk(resp.AppendBulk(resp.AppendBulk(resp.AppendArray(nil, 3), "message"), channel), message))
		}
		for _, p := range l.patterns {
			if kv.Matches(p, channel) {
				out := resp.AppendBulk(resp.AppendBulk(resp.AppendArray(nil, 4), "pmessage"), p)
				l.peer.Push(resp.AppendBulk(resp.AppendBulk(out, channel), message))
			}
		}
	}
}
