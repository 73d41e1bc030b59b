package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
	"simrun/nodes/serve"
)

// lockServer is one of the servers of the service. To be asked is any of them: "acquire LOCK OWNER MILLISECONDS" or
// "release LOCK TOKEN", a line each; the answer is a line too.
var lockServer = nodes.Kind{
	Name: "lock.server",
	Role: nodes.Server,
	Doc:  "Grants locks for a time, with tokens; several agree by Raft.",
	Port: 7000,
	Config: func() any {
		return &lockConfig{Listen: ":7000", PeerListen: peerPort, Election: 200 * time.Millisecond}
	},
	Main:   func(env nodes.Env, config any) error { return grant(env, config.(*lockConfig)) },
	Notes:  replica.Notes,
	Probes: append([]*probe.Set{&probes}, replica.Sets...),
	Points: replica.Points,
}

type lockConfig struct {
	Listen     string           `yaml:"listen" doc:"address to accept clients on"`
	PeerListen string           `yaml:"peer-listen" doc:"address to accept the other servers on"`
	Servers    []nodes.NodeName `yaml:"servers,required" doc:"the servers of the service, this one among them"`
	Election   time.Duration    `yaml:"election-timeout" doc:"silence of the leader after which another is elected"`
}

var (
	probes  probe.Set
	heldYet = probes.Sometimes("a lock was asked for that another held")
)

// peerPort is where servers find each other by name.
const peerPort = ":7001"

// server is one process.
type server struct {
	env     nodes.Env
	replica *replica.Replica
}

func grant(env nodes.Env, config *lockConfig) error {
	s := &server{env: env}
	var peers []string
	for _, name := range config.Servers {
		peers = append(peers, string(name)+peerPort)
	}
	r, err := replica.Open(env, replica.Options{Self: env.Host() + peerPort, Client: env.Host(),
		Listen: config.PeerListen, Peers: peers, Cluster: "locks", Rejoin: true, SnapshotEntries: 1000,
		Raft: raft.Options{Election: config.Election}}, newLocks(), s.forwarded)
	if err != nil {
		return err
	}
	s.replica = r
	door, err := env.Listen("tcp", config.Listen)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	env.Go("door", func() {
		serve.Accept(env, door, func(conn net.Conn) { env.Go("client", func() { s.attend(conn) }) })
	})
	_ = env.AwaitStop()
	return errors.Join(door.Close(), r.Close())
}

// longestLine bounds what a client may say at once.
const longestLine = 256

// attend serves one client, a line after the other.
func (s *server) attend(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, longestLine), longestLine)
	for lines.Scan() {
		if _, err := fmt.Fprintln(conn, s.answer(lines.Text())); err != nil {
			return
		}
	}
}

// answer has a request done by the service, and waits for what comes of it.
func (s *server) answer(request string) (answer string) {
	answered, arrived := s.env.NewCond(), false
	s.ask([]byte(request), func(text []byte, err error) {
		answer, arrived = string(text), true
		switch {
		case errors.Is(err, replica.ErrUnknown):
			answer = "unknown"
		case err != nil:
			answer = "refused " + err.Error()
		}
		answered.Signal()
	})
	for !arrived {
		if answered.Wait() != nil {
			return "unknown"
		}
	}
	return answer
}

// ask gives a request to the leader, which adds what time it is.
func (s *server) ask(request []byte, done func(answer []byte, err error)) {
	if !s.replica.Leads() {
		s.replica.Call(request, done)
		return
	}
	s.replica.Propose(fmt.Append(request, " ", s.env.Now().UnixMilli()), func(answer []byte, err error) {
		var left int64
		n, _ := fmt.Sscanf(string(answer), "held %d", &left)
		s.env.Record().Sometimes(heldYet, n == 1)
		done(answer, err)
	})
}

// forwarded is a request to this server as the leader that another was asked. An answer of nil says that it does not lead.
func (s *server) forwarded(_ string, request []byte, reply func(answer []byte)) {
	s.ask(request, func(answer []byte, err error) {
		switch {
		case errors.Is(err, replica.ErrUnknown):
			reply([]byte("unknown"))
		case err != nil:
			reply(nil)
		default:
			reply(answer)
		}
	})
}
