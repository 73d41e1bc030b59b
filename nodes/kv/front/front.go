// Package front answers how clients of a key-value store are served: it accepts connections, takes the commands that
// come on them, and sends the answers in their order, although some have to wait for a disk or for other servers. What
// the commands do is a Backend's.
package front

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
	"simrun/nodes/serve"
)

// Backend does commands: a journal and a store, a replicated log, a ring of servers.
type Backend interface {
	// Do does a command that reads, writes or is Served, or begins to, and does not give way. It answers with Reply
	// or Error, once, at once or later, in whatever order. Of one connection, no command that reads is under way beside one that
	// writes, so each sees what those before it did. The request's strings are gone when Do returns.
	Do(c *Call)
	// Info is what INFO tells beside the front's own.
	Info() []Section
}

// Section is a part of what INFO tells.
type Section struct {
	Name  string   // "Replication"
	Lines []string // "role:master"
}

// Options of a front. The zero is the defaults named here.
type Options struct {
	Listen      string        // the address to accept on: ":6379"
	Limits      resp.Limits   // of requests
	MaxClients  int           // most connections; 10,000
	MaxOutput   nodes.Bytes   // most bytes that wait for a peer before it is closed; from a quarter on no request is taken; 64 MiB
	IdleTimeout time.Duration // silence after which a connection on which nothing is under way is closed; 0 is never
	Commands    kv.Commands   // kv.StoreCommands and the front's own, with Served ones of the backend, by With; nil is none of these
	Settings    [][2]string   // what CONFIG GET tells, by name
	Mode        string        // what INFO calls the server: standalone
	// Expected is about how many bytes the answer to a command takes that reads values; nil is not known. It is for backends that
	// answer later, so that what is under way on one connection comes to no more than may wait there.
	Expected func(*kv.Request) int
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = ":6379"
	}
	if o.MaxClients <= 0 {
		o.MaxClients = 10_000
	}
	if o.MaxOutput <= 0 {
		o.MaxOutput = 64 << 20
	}
	if o.Commands == nil {
		o.Commands = With()
	}
	o.Mode = cmp.Or(o.Mode, "standalone")
	return o
}

// Front serves clients. Its methods are for the tasks of one process.
//
// Invariant: peers holds every connection whose writer has not ended.
type Front struct {
	env     nodes.Env
	record  nodes.Recorder
	options Options
	backend Backend
	moments map[string]moment // by the command's name

	listener net.Listener
	peers    map[uint64]*Peer
	accepted uint64
	commands uint64 // that were taken
	began    nodes.Instant
	stopping bool
	gone     nodes.Cond // a peer is gone
}

// New listens. Serve accepts.
func New(env nodes.Env, options Options, backend Backend) (*Front, error) {
	f := &Front{env: env, record: env.Record(), options: options.withDefaults(), backend: backend,
		peers: map[uint64]*Peer{}, began: env.Mark(), gone: env.NewCond()}
	f.moments = momentsOf(f.options.Commands)
	listener, err := env.Listen("tcp", f.options.Listen)
	if err != nil {
		return nil, err
	}
	f.listener = listener
	return f, nil
}

// Addr is where the front listens.
func (f *Front) Addr() net.Addr { return f.listener.Addr() }

// Clients is how many connections there are.
func (f *Front) Clients() int { return len(f.peers) }

// Serve accepts connections until Close.
func (f *Front) Serve() {
	f.env.Log().Info("accepting", "address", f.listener.Addr())
	serve.Accept(f.env, f.listener, func(stream net.Conn) {
		dawdle(f.env, slowAccept)
		f.welcome(stream)
	})
}

// welcome starts the tasks of a connection.
func (f *Front) welcome(stream net.Conn) {
	if f.stopping || len(f.peers) >= f.options.MaxClients {
		f.record.Reach(notWelcome)
		_, _ = stream.Write(resp.AppendError(nil, "ERR max number of clients reached")) // fits any buffer
		_ = stream.Close()
		return
	}
	f.accepted++
	p := newPeer(f, stream)
	f.peers[p.number] = p
	f.env.Go("read", p.read)
	f.env.Go("write", p.write)
}

// forget strikes a connection off the list.
func (f *Front) forget(p *Peer) {
	delete(f.peers, p.number)
	f.gone.Broadcast()
}

// inOrder are the connections, oldest first.
func (f *Front) inOrder() []*Peer {
	return slices.SortedFunc(maps.Values(f.peers), func(a, b *Peer) int { return cmp.Compare(a.number, b.number) })
}

// Refuse stops accepting and taking commands. What is under way may still be answered.
func (f *Front) Refuse() {
	f.stopping = true
	_ = f.listener.Close()
	for _, p := range f.inOrder() {
		p.finish()
	}
}

// Close refuses, lets answers that are there be sent for up to patience, and closes all connections.
func (f *Front) Close(patience time.Duration) {
	f.Refuse()
	until := f.env.Mark().Add(patience)
	for len(f.peers) > 0 && until.Sub(f.env.Mark()) > 0 {
		f.gone.WaitFor(until.Sub(f.env.Mark()))
	}
	for _, p := range f.inOrder() {
		p.Close()
	}
}
