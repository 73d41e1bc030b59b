package gearman_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/nodes/history"
	"simrun/nodes/osenv"
)

// node is one life of a node of a kind, and the history of what it did.
type node struct {
	*osenv.Host
	t     testing.TB
	log   *history.Log
	dead  bool
	ended chan error
	// begun counts operations, and served those of the workload that have ended.
	begun, served atomic.Int64
}

// recording is an Env whose recorder keeps a history, and counts.
type recording struct {
	nodes.Env
	recorder
}

type recorder struct {
	nodes.Recorder
	begun, served *atomic.Int64
}

func (r recording) Record() nodes.Recorder { return r.recorder }

func (r recorder) Invoke(request nodes.Request, kind string, in ...slog.Attr) nodes.Op {
	op := r.Recorder.Invoke(request, kind, in...)
	r.begun.Add(1)
	if request.ID == 0 {
		return op
	}
	return served{op, r.served}
}

// served is an operation of the workload.
type served struct {
	nodes.Op
	count *atomic.Int64
}

func (s served) Ok(out ...slog.Attr)                    { s.Op.Ok(out...); s.count.Add(1) }
func (s served) Fail(reason error, out ...slog.Attr)    { s.Op.Fail(reason, out...); s.count.Add(1) }
func (s served) Unknown(reason error, out ...slog.Attr) { s.Op.Unknown(reason, out...); s.count.Add(1) }

// run starts a node. It is killed at the end of the test, if it has not been stopped.
func run(t testing.TB, name string, kind nodes.Kind, config any) *node {
	t.Helper()
	start := time.Now()
	n := &node{t: t, ended: make(chan error, 1), log: history.NewLog(func() history.Time { return time.Since(start) })}
	n.Host = osenv.New(osenv.Options{Host: name, DataDir: t.TempDir(), Seed: 1, Log: slog.New(slog.DiscardHandler)})
	go func() {
		n.ended <- n.Run(func(env nodes.Env) error {
			return kind.Main(recording{env, recorder{n.log.For(name, &n.dead), &n.begun, &n.served}}, config)
		})
	}()
	t.Cleanup(n.Kill)
	return n
}

// stop asks the node to stop and gives its history once it has.
func (n *node) stop() *history.History {
	n.t.Helper()
	n.Host.Stop()
	require.NoError(n.t, <-n.ended)
	return n.log.Finish()
}

// settle waits until so many operations of the workload have ended.
func (n *node) settle(operations int) {
	n.t.Helper()
	require.Eventually(n.t, func() bool { return int(n.served.Load()) >= operations }, longEnough, time.Millisecond)
}

// busy waits until the node is at something.
func (n *node) busy() {
	n.t.Helper()
	require.Eventually(n.t, func() bool { return n.begun.Load() > 0 }, longEnough, time.Millisecond)
}

// longEnough is how long a test waits for what must come. Nothing takes so long.
const longEnough = time.Minute

// drained waits until no job is left at these servers.
func drained(t testing.TB, servers ...string) {
	t.Helper()
	for _, address := range servers {
		stream, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer stream.Close()
		require.NoError(t, stream.SetDeadline(time.Now().Add(longEnough)))
		lines := bufio.NewScanner(stream)
		for left := true; left; {
			_, err = io.WriteString(stream, "status\n")
			require.NoError(t, err)
			for left = false; lines.Scan() && lines.Text() != "."; {
				left = left || strings.Fields(lines.Text())[1] != "0"
			}
			require.NoError(t, lines.Err())
		}
	}
}

// of gives the operations of a kind.
func of(h *history.History, kind string) (found []*history.Operation) {
	for _, o := range h.Operations {
		if o.Kind == kind {
			found = append(found, o)
		}
	}
	return found
}

// freePort is an address that nobody listens on.
func freePort(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func serverAt(t testing.TB, name, address string) *node {
	config := gearman.DefaultServerConfig()
	config.Listen = address
	n := run(t, name, gearman.Server, config)
	require.Eventually(t, func() bool {
		stream, err := net.Dial("tcp", address)
		if err == nil {
			stream.Close()
		}
		return err == nil
	}, longEnough, time.Millisecond)
	return n
}

func workerAt(t testing.TB, name string, change func(*gearman.WorkerConfig), servers ...string) *node {
	config := gearman.DefaultWorkerConfig()
	for _, s := range servers {
		config.Servers = append(config.Servers, nodes.NodeName(s))
	}
	if change != nil {
		change(config)
	}
	return run(t, name, gearman.Worker, config)
}

func clientAt(t testing.TB, name string, change func(*gearman.ClientConfig), servers ...string) *node {
	config := gearman.DefaultClientConfig()
	for _, s := range servers {
		config.Servers = append(config.Servers, nodes.NodeName(s))
	}
	if change != nil {
		change(config)
	}
	return run(t, name, gearman.Client, config)
}

// If this failed, a job would not be done, be done by nobody, or its client would hear somebody
// else's result.
func TestJobsAreDoneAndResultsAreThoseOfTheirPayloads(t *testing.T) {
	a, b := freePort(t), freePort(t)
	serverAt(t, "a", a)
	serverAt(t, "b", b)
	one := workerAt(t, "one", func(c *gearman.WorkerConfig) {
		c.Steps = 2
		c.DataRate = nodes.PerMillion / 2
		c.FailRate = nodes.PerMillion / 10
	}, a, b)
	two := workerAt(t, "two", func(c *gearman.WorkerConfig) { c.Grab = gearman.GrabUnique; c.ExceptionRate = nodes.PerMillion / 10 }, b, a)
	client := clientAt(t, "client", func(c *gearman.ClientConfig) { c.Poll = time.Millisecond }, a, b)
	id := uint64(0)
	for range 20 {
		for _, operation := range gearman.Client.Operations {
			for _, variant := range operation.Mix {
				id++
				client.Feed(nodes.Request{ID: id, Do: operation.Name, Variant: variant,
					Options: &gearman.SubmitOptions{Unnamed: nodes.PerMillion / 4, Payload: 100}})
			}
		}
	}
	client.settle(int(id))
	asked := client.stop()
	require.Len(t, append(of(asked, "submit"), of(asked, "submit-background")...), int(id))
	drained(t, a, b)
	done := append(of(one.stop(), "execute"), of(two.stop(), "execute")...)
	made := map[string]*history.Operation{}
	for _, o := range done {
		require.Equal(t, history.Ok, o.Outcome, o)
		made[o.Input("server").String()+o.Input("handle").String()] = o
	}
	for _, o := range asked.Operations {
		require.Equal(t, history.Ok, o.Outcome, o)
		if o.Kind != "submit" && o.Kind != "submit-background" || o.Input("variant").String() == "epoch" {
			continue
		}
		execution := made[o.Output("server").String()+o.Output("handle").String()]
		require.NotNil(t, execution, o)
		require.Equal(t, execution.Input("payload").String(), o.Input("payload").String(), "%v\n%v", o, execution)
		if !o.Input("background").Bool() {
			require.Equal(t, execution.Out[0].String(), o.Out[2].String(), o)
		}
	}
}

// script is a server that says what the test wants it to say.
type script struct {
	t        testing.TB
	listener net.Listener
	*gearman.Reader
	stream net.Conn
}

func scripted(t testing.TB) *script {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return &script{t: t, listener: listener}
}

func (s *script) address() string { return s.listener.Addr().String() }

// accept takes the next connection.
func (s *script) accept() {
	s.t.Helper()
	require.NoError(s.t, s.listener.(*net.TCPListener).SetDeadline(time.Now().Add(longEnough)))
	stream, err := s.listener.Accept()
	require.NoError(s.t, err)
	require.NoError(s.t, stream.SetDeadline(time.Now().Add(longEnough)))
	s.t.Cleanup(func() { stream.Close() })
	s.stream, s.Reader = stream, gearman.NewReader(stream, 0)
}

// hear wants these packets, each written as its name and its arguments.
func (s *script) hear(wanted ...string) {
	s.t.Helper()
	for _, want := range wanted {
		p, err := s.ReadPacket()
		require.NoError(s.t, err, want)
		require.Equal(s.t, want, strings.TrimSpace(p.Type.String()+" "+strings.ReplaceAll(string(p.Data), "\x00", " ")))
	}
}

// until gives the names of the packets that come, up to and with the last.
func (s *script) until(last gearman.Type) (heard []string) {
	s.t.Helper()
	for {
		p, err := s.ReadPacket()
		require.NoError(s.t, err, heard)
		heard = append(heard, p.Type.String())
		if p.Type == last {
			return heard
		}
	}
}

func (s *script) say(t gearman.Type, args ...string) {
	s.t.Helper()
	var raw [][]byte
	for _, arg := range args {
		raw = append(raw, []byte(arg))
	}
	_, err := s.stream.Write(gearman.Append(nil, gearman.Response, t, raw...))
	require.NoError(s.t, err)
}

// isClosed wants the peer to end the connection.
func (s *script) isClosed() {
	s.t.Helper()
	_, err := s.ReadPacket()
	require.Error(s.t, err)
	require.NotContains(s.t, err.Error(), "timeout")
}

// If this failed, a worker would not say what servers need to hear, or not in the order in which they
// need it.
func TestAWorkerAsksWorksAndSleeps(t *testing.T) {
	s := scripted(t)
	w := workerAt(t, "ann", func(c *gearman.WorkerConfig) { c.Functions = []string{"wc", "reverse"}; c.JobTimeout = 9 * time.Second }, s.address())
	s.accept()
	s.hear("SET_CLIENT_ID ann", "CAN_DO_TIMEOUT wc 9", "CAN_DO_TIMEOUT reverse 9", "GRAB_JOB_ALL")
	s.say(gearman.NoJob)
	s.hear("PRE_SLEEP")
	s.say(gearman.Noop)
	s.hear("GRAB_JOB_ALL")
	s.say(gearman.Noop) // sent before the grab was heard: no answer to it
	s.say(gearman.JobAssignAll, "H:1", "wc", "u1", "", "a\nb\nc\n")
	s.hear("WORK_COMPLETE H:1 3", "GRAB_JOB_ALL")
	s.say(gearman.Error, "JOB_NOT_FOUND", "too late")
	s.say(gearman.JobAssignAll, "H:2", "reverse", "u2", "wc", "ab\ncd\n")
	s.hear("WORK_COMPLETE H:2 2", "GRAB_JOB_ALL")
	s.say(gearman.JobAssign, "H:3", "reverse", "abc")
	s.hear("WORK_COMPLETE H:3 cba", "GRAB_JOB_ALL")
	s.say(gearman.NoJob)
	s.hear("PRE_SLEEP")
	h := w.stop()
	s.isClosed()
	executions := of(h, "execute")
	require.Len(t, executions, 3)
	require.Equal(t, "u2", executions[1].Input("unique").String())
	require.Equal(t, "cba", executions[2].Output("result").String())
	require.Contains(t, h.Sometimes, "a worker's result came too late")
}

// If this failed, a server that went dark would hold a worker for ever, or keep it from its other
// servers.
func TestAWorkerLeavesASilentServer(t *testing.T) {
	t.Parallel()
	dark, live := scripted(t), freePort(t)
	serverAt(t, "live", live)
	w := workerAt(t, "ann", func(c *gearman.WorkerConfig) { c.Timeout = time.Second; c.Rest = 100 * time.Millisecond }, dark.address(), live)
	dark.accept()
	dark.hear("SET_CLIENT_ID ann", "CAN_DO work", "GRAB_JOB_ALL")
	c := clientAt(t, "client", nil, live)
	c.Feed(nodes.Request{ID: 1, Do: "submit"})
	c.settle(1)
	asked := c.stop()
	require.Equal(t, history.Ok, of(asked, "submit")[0].Outcome)
	dark.isClosed()
	dark.accept() // it came back
	dark.hear("SET_CLIENT_ID ann", "CAN_DO work", "GRAB_JOB_ALL")
	dark.say(gearman.NoJob)
	dark.hear("PRE_SLEEP", "GRAB_JOB_ALL") // it asks without having been woken
	dark.say(gearman.NoJob)
	dark.hear("PRE_SLEEP")
	w.stop()
}

// If this failed, a worker would leave a job unfinished when it is asked to stop, or take another.
func TestAStoppedWorkerFinishesItsJob(t *testing.T) {
	s := scripted(t)
	w := workerAt(t, "ann", func(c *gearman.WorkerConfig) { c.JobTime = nodes.Exactly(100 * time.Millisecond) }, s.address())
	s.accept()
	s.hear("SET_CLIENT_ID ann", "CAN_DO work", "GRAB_JOB_ALL")
	s.say(gearman.JobAssignAll, "H:1", "work", "u", "", "x")
	w.busy()
	h := w.stop()
	s.hear(fmt.Sprintf("WORK_COMPLETE H:1 %s", gearman.Result("ann", "work", []byte("x"))))
	s.isClosed()
	require.Equal(t, history.Ok, of(h, "execute")[0].Outcome)
}

// If this failed, a woken worker that is busy elsewhere would keep its job waiting while others sleep.
func TestABusyWorkerWithdraws(t *testing.T) {
	t.Parallel()
	a, b := scripted(t), scripted(t)
	w := workerAt(t, "ann", func(c *gearman.WorkerConfig) { c.JobTime = nodes.Exactly(time.Second) }, a.address(), b.address())
	for _, s := range []*script{a, b} {
		s.accept()
		s.until(gearman.GrabJobAll)
		s.say(gearman.NoJob)
		s.until(gearman.PreSleep)
	}
	a.say(gearman.Noop)
	a.hear("GRAB_JOB_ALL")
	a.say(gearman.JobAssignAll, "H:1", "work", "u", "", "x")
	w.busy()
	b.say(gearman.Noop)
	require.Equal(t, []string{"RESET_ABILITIES", "CAN_DO", "GRAB_JOB_ALL"}, b.until(gearman.GrabJobAll))
	a.hear(fmt.Sprintf("WORK_COMPLETE H:1 %s", gearman.Result("ann", "work", []byte("x"))))
	b.say(gearman.NoJob)
	h := w.stop()
	require.Contains(t, h.Sometimes, "a woken worker was busy elsewhere")
}

// If this failed, a client would take the silence of one server for that of all, or say that a job
// certainly did not arrive when it may have.
func TestAClientGoesToAnotherServer(t *testing.T) {
	t.Parallel()
	dark, live := scripted(t), freePort(t)
	serverAt(t, "live", live)
	workerAt(t, "ann", nil, live)
	c := clientAt(t, "client", func(c *gearman.ClientConfig) { c.Timeout = time.Second }, dark.address(), live)
	c.Feed(nodes.Request{ID: 1, Do: "submit-background", Variant: "status"})
	c.Feed(nodes.Request{ID: 2, Do: "submit", Variant: "foreground"})
	c.settle(2)
	h := c.stop()
	for _, o := range append(of(h, "submit"), of(h, "submit-background")...) {
		require.Equal(t, history.Ok, o.Outcome, o)
	}
	lost := 0
	for _, attempt := range of(h, "attempt") {
		if attempt.Input("server").String() == dark.address() {
			require.Equal(t, history.Unknown, attempt.Outcome)
			require.Contains(t, attempt.Reason, "no answer in time")
			lost++
		} else {
			require.Equal(t, history.Ok, attempt.Outcome)
			require.NotNil(t, attempt.NoteNamed("created"))
		}
	}
	t.Log(lost, "attempts at the silent server")
	require.Len(t, of(h, "status"), 1)
}

// If this failed, a request that reached nobody would count as one that may have happened.
func TestARequestThatReachesNobodyFailed(t *testing.T) {
	t.Parallel()
	c := clientAt(t, "client", func(c *gearman.ClientConfig) {
		c.BackoffMin, c.BackoffMax = time.Second, time.Second // so that the second request comes while the first is in flight
		c.Timeout, c.Retries = 500*time.Millisecond, 1
		c.MaxInFlight = 1
	}, freePort(t))
	c.Feed(nodes.Request{ID: 1, Do: "submit"})
	c.Feed(nodes.Request{ID: 2, Do: "submit"})
	c.settle(2)
	h := c.stop()
	require.Equal(t, history.Fail, h.Operations[0].Outcome)
	require.Contains(t, h.Operations[0].Reason, "no server could be reached")
	require.Equal(t, history.Fail, h.Operations[1].Outcome)
	require.True(t, h.Operations[1].Output("own").Bool(), "too many requests are the client's own fault")
}

// If this failed, answers would go to the wrong requests, or a client would believe a server that raves.
func TestAClientMatchesAnswersToRequests(t *testing.T) {
	s := scripted(t)
	c := clientAt(t, "client", func(c *gearman.ClientConfig) { c.Exceptions = false; c.Retries = 0; c.Timeout = longEnough }, s.address())
	request := func(id uint64, do, variant string) {
		c.Feed(nodes.Request{ID: id, Do: do, Variant: variant})
	}
	heard := func(want gearman.Type) {
		p, err := s.ReadPacket()
		require.NoError(t, err)
		require.Equal(t, want, p.Type)
	}
	request(1, "submit", "foreground")
	s.accept()
	heard(gearman.SubmitJob)
	request(2, "submit", "background")
	heard(gearman.SubmitJobBG)
	request(3, "submit", "high")
	heard(gearman.SubmitJobHigh)
	request(4, "submit", "low")
	heard(gearman.SubmitJobLow)
	s.say(gearman.JobCreated, "H:1")
	s.say(gearman.WorkComplete, "H:99", "nobody's")
	s.say(gearman.WorkData, "H:1", "half")
	s.say(gearman.JobCreated, "H:2")
	s.say(gearman.Error, "QUEUE_FULL", "no room")
	s.say(gearman.JobCreated, "H:1") // coalesced with the first
	s.say(gearman.WorkComplete, "H:1", "re\x00sult")
	c.settle(4)
	request(5, "submit", "foreground")
	heard(gearman.SubmitJob)
	s.say(gearman.StatusRes, "H:1", "1", "1", "0", "0") // nobody asked
	c.settle(5)
	h := c.stop()
	s.isClosed()
	var got []string
	for _, o := range of(h, "submit") {
		got = append(got, fmt.Sprintf("%s %s %s", o.Outcome, o.Output("handle"), o.Output("result")))
	}
	require.Equal(t, []string{"ok H:1 re\x00sult", "ok H:2 <nil>", "fail <nil> <nil>", "ok H:1 re\x00sult", "info <nil> <nil>"}, got)
	require.Contains(t, of(h, "submit")[2].Reason, "QUEUE_FULL")
	require.Contains(t, h.Sometimes, "a result came after its client had given up")
}

// If this failed, a bad server could crash its workers and clients.
func TestRavingServersAreLeft(t *testing.T) {
	for _, noise := range []string{
		"garbage", "\x00RES\x00\x00\x00\x63\x00\x00\x00\x00", "\x00RES\x00\x00\x00\x08\xff\xff\xff\xff",
		"\x00RES\x00\x00\x00\x0d\x00\x00\x00\x01x", "\x00RES\x00\x00\x00\x28\x00\x00\x00\x02a\x00", "\x00RES\x00\x00\x00\x08\x00\x00\x00\x00",
	} {
		for _, kind := range []nodes.Kind{gearman.Worker, gearman.Client} {
			s := scripted(t)
			var n *node
			if kind.Role == nodes.Worker {
				n = workerAt(t, "node", func(c *gearman.WorkerConfig) { c.Timeout = 100 * time.Millisecond }, s.address())
			} else {
				n = clientAt(t, "node", func(c *gearman.ClientConfig) { c.Timeout = 100 * time.Millisecond; c.Retries = 0 }, s.address())
				n.Feed(nodes.Request{ID: 1, Do: "submit"})
			}
			s.accept()
			_, err := io.WriteString(s.stream, noise)
			require.NoError(t, err)
			for err == nil {
				_, err = s.ReadPacket()
			}
			n.stop()
		}
	}
}
