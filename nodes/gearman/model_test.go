package gearman_test

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/sim"
	"simrun/sim/luck"
)

// work is what the model knows of a job.
type work struct {
	handle, function, unique, data string
	priority, number, order        int
	background                     bool
	worker                         string   // who has it; nobody if empty
	ears                           []string // foreground submissions that wait for it
	taken, lost                    int      // when it was handed out last, and how often its worker was lost
}

// model is the truth about a queue: jobs, and who gets which.
type model struct {
	jobs  []*work
	count int
}

func (m *model) next() int { m.count++; return m.count }

// same is the job that a submission is not to be done besides.
func (m *model) same(function, unique string) *work {
	return m.first(func(j *work) bool { return unique != "" && j.unique == unique && j.function == function })
}

// best is what a worker of these functions gets: the highest priority first, and then the oldest.
func (m *model) best(functions string) *work {
	slices.SortFunc(m.jobs, func(a, b *work) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.order, b.order))
	})
	return m.first(func(j *work) bool { return j.worker == "" && strings.Contains(functions, j.function) })
}

func (m *model) first(is func(*work) bool) *work {
	if i := slices.IndexFunc(m.jobs, is); i >= 0 {
		return m.jobs[i]
	}
	return nil
}

// leave is a connection that is gone: what it ran waits again, at its old place the first time and at the end from then on.
func (m *model) leave(name string) {
	held := slices.DeleteFunc(slices.Clone(m.jobs), func(j *work) bool { return j.worker != name })
	slices.SortFunc(held, func(a, b *work) int { return cmp.Compare(a.taken, b.taken) })
	for _, j := range held {
		if j.worker, j.lost = "", j.lost+1; j.lost > 1 {
			j.order = m.next()
		}
	}
	for _, j := range m.jobs {
		j.ears = slices.DeleteFunc(j.ears, func(ear string) bool { return ear == name })
	}
	m.jobs = slices.DeleteFunc(m.jobs, func(j *work) bool { return !j.background && j.worker == "" && len(j.ears) == 0 })
}

// restart keeps what was promised, if the queue does.
func (m *model) restart(keeps bool) {
	m.jobs = slices.DeleteFunc(m.jobs, func(j *work) bool { return !j.background || !keeps })
	for _, j := range m.jobs {
		j.worker, j.ears, j.lost, j.order = "", nil, 0, j.number
	}
}

// abilities are what each session can do; clients can do nothing.
var abilities = map[string]string{"w": "fg", "x": "f", "c": "", "d": ""}

// shop is a server in a world, and those who talk to it.
type shop struct {
	*rapid.T
	model
	keeps  bool // the queue outlives the server
	world  *sim.World
	server *sim.Host
	now    time.Duration
	errand func(nodes.Env)
	conns  map[string]*gearman.Conn
}

// If this failed, the server would lose a job, do one twice, hand one to the wrong worker, or count otherwise than it does.
func TestTheQueueIsWhatTheModelSays(t *testing.T) {
	for _, queue := range []gearman.Queue{gearman.JournalQueue, gearman.MemoryQueue} {
		t.Run(string(queue), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s := open(t, queue)
				defer s.world.Close()
				t.Repeat(map[string]func(*rapid.T){
					"submit":            func(*rapid.T) { s.submit() },
					"submit another":    func(*rapid.T) { s.submit() },
					"grab":              func(*rapid.T) { s.grab(s.pick("worker", "w", "x")) },
					"grab another":      func(*rapid.T) { s.grab(s.pick("worker", "w", "x")) },
					"ask":               func(*rapid.T) { s.inquire() },
					"end":               func(*rapid.T) { s.end() },
					"cancel":            func(*rapid.T) { s.cancel() },
					"lose a connection": func(*rapid.T) { s.lose(s.pick("session", "w", "x", "c", "d")) },
					"restart":           func(*rapid.T) { s.restart() },
					"":                  func(*rapid.T) { s.compare() },
				})
				s.drain()
			})
		})
	}
}

func (s *shop) pick(label string, among ...string) string {
	return rapid.SampledFrom(among).Draw(s.T, label)
}

func open(t *rapid.T, queue gearman.Queue) *shop {
	s := &shop{T: t, keeps: queue == gearman.JournalQueue, conns: map[string]*gearman.Conn{},
		world: sim.New(sim.Options{Seed: luck.Seed(rapid.Uint64().Draw(t, "seed"))})}
	config := gearman.DefaultServerConfig()
	config.Queue, config.Segment, config.Compact = queue, 1<<10, 1<<10
	s.server = s.world.AddHost(sim.HostOptions{Name: "server", NeverRestart: true,
		Main: func(env nodes.Env) error { return gearman.Server.Main(env, config) }})
	s.world.AddHost(sim.HostOptions{Name: "peers", Main: func(env nodes.Env) error {
		for {
			if f := s.errand; f != nil {
				f(env)
				s.errand = nil
			}
			if err := env.Sleep(10 * time.Millisecond); err != nil {
				return err
			}
		}
	}})
	s.connect()
	return s
}

// do lets the peers do something, and the world run until that is done and the disk has nothing to do.
func (s *shop) do(f func(nodes.Env)) {
	s.errand = f
	for range 500 {
		s.now += 10 * time.Millisecond
		s.world.Run(s.now)
		if s.errand == nil {
			s.now += 100 * time.Millisecond
			s.world.Run(s.now)
			require.Empty(s, s.world.Findings())
			return
		}
	}
	s.Fatalf("the server does not answer: %s", s.server)
}

// connect makes those known who have no connection.
func (s *shop) connect() {
	s.do(func(env nodes.Env) {
		for _, name := range slices.Sorted(maps.Keys(abilities)) {
			if s.conns[name] != nil {
				continue
			}
			stream, err := net.Conn(nil), error(nil)
			for range 100 {
				if stream, err = env.Dial("tcp", "server:4730", time.Second); err == nil {
					break
				}
				_ = env.Sleep(10 * time.Millisecond)
			}
			if err != nil {
				return
			}
			s.conns[name] = gearman.NewConn(stream, nil, 0)
			for _, f := range strings.Split(abilities[name], "") {
				_ = s.conns[name].WriteRequest(gearman.CanDo, []byte(f))
			}
		}
	})
	require.Len(s, s.conns, len(abilities))
}

// ask sends a request, and returns what everybody heard by the time that all is quiet, by session.
func (s *shop) ask(name string, kind gearman.Type, args ...string) map[string][]string {
	s.do(func(nodes.Env) {
		var words [][]byte
		for _, a := range args {
			words = append(words, []byte(a))
		}
		_ = s.conns[name].WriteRequest(kind, words...)
	})
	return s.listen()
}

// listen is what everybody has heard since the last time.
func (s *shop) listen() map[string][]string {
	heard := map[string][]string{}
	s.do(func(nodes.Env) {
		for _, name := range slices.Sorted(maps.Keys(s.conns)) {
			c := s.conns[name]
			_ = c.WriteRequest(gearman.EchoReq, []byte("quiet"))
			for {
				p, err := c.ReadPacket()
				if err != nil {
					heard[name] = append(heard[name], err.Error())
					break
				}
				if p.Type == gearman.EchoRes {
					break
				}
				heard[name] = append(heard[name], p.Type.String()+" "+strings.ReplaceAll(string(p.Data), "\x00", " "))
			}
		}
	})
	return heard
}

// tell sends a line of the text protocol, and returns the lines of the answer.
func (s *shop) tell(line string, list bool) (lines []string) {
	s.do(func(env nodes.Env) {
		stream, err := env.Dial("tcp", "server:4730", time.Second)
		if err != nil {
			return
		}
		defer stream.Close()
		fmt.Fprintln(stream, line)
		r := gearman.NewReader(stream, 0)
		for {
			text, err := r.ReadLine()
			if err != nil || string(text) == "." {
				return
			}
			lines = append(lines, strings.TrimSpace(string(text)))
			if !list {
				return
			}
		}
	})
	return lines
}

func (s *shop) submit() {
	client, background := s.pick("client", "c", "d"), rapid.Bool().Draw(s.T, "background")
	priority := rapid.IntRange(0, 2).Draw(s.T, "priority")
	kinds := []gearman.Type{gearman.SubmitJobHigh, gearman.SubmitJob, gearman.SubmitJobLow}
	if background {
		kinds = []gearman.Type{gearman.SubmitJobHighBG, gearman.SubmitJobBG, gearman.SubmitJobLowBG}
	}
	function, unique := s.pick("function", "f", "f", "g"), s.pick("unique", "", "k", "k", "l")
	number := s.next()
	data := fmt.Sprint("data-", number, strings.Repeat("-", 20*rapid.IntRange(0, 15).Draw(s.T, "length")))
	heard := s.ask(client, kinds[priority], function, unique, data)
	require.Len(s, heard, 1, "%v", heard)
	require.Len(s, heard[client], 1)
	handle, created := strings.CutPrefix(heard[client][0], "JOB_CREATED ")
	require.True(s, created, "%v", heard)
	j := s.same(function, unique)
	if j == nil {
		require.Nil(s, s.first(func(j *work) bool { return j.handle == handle }), "%s is another job's", handle)
		j = &work{handle: handle, function: function, unique: unique, data: data,
			priority: priority, number: number, order: number}
		s.jobs = append(s.jobs, j)
	}
	require.Equal(s, j.handle, handle)
	if background {
		j.background = true
	} else {
		j.ears = append(j.ears, client)
	}
}

func (s *shop) grab(worker string) {
	j := s.best(abilities[worker])
	want := "NO_JOB "
	if j != nil {
		want = fmt.Sprintf("JOB_ASSIGN %s %s %s", j.handle, j.function, j.data)
		j.worker, j.taken = worker, s.next()
	}
	require.Equal(s, map[string][]string{worker: {want}}, s.ask(worker, gearman.GrabJob))
}

// end lets a worker say what became of a job that it has.
func (s *shop) end() {
	running := slices.DeleteFunc(slices.Clone(s.jobs), func(j *work) bool { return j.worker == "" })
	if len(running) == 0 {
		s.Skip("nobody works")
	}
	j := running[rapid.IntRange(0, len(running)-1).Draw(s.T, "job")]
	if rapid.Bool().Draw(s.T, "fails") {
		s.gone(j, s.ask(j.worker, gearman.WorkFail, j.handle), "WORK_FAIL "+j.handle)
	} else {
		s.gone(j, s.ask(j.worker, gearman.WorkComplete, j.handle, "result"), "WORK_COMPLETE "+j.handle+" result")
	}
}

// inquire asks what the server knows of a job.
func (s *shop) inquire() {
	if len(s.jobs) == 0 {
		s.Skip("there is no job")
	}
	j := s.jobs[rapid.IntRange(0, len(s.jobs)-1).Draw(s.T, "job")]
	running := 0
	if j.worker != "" {
		running = 1
	}
	want := fmt.Sprintf("STATUS_RES %s 1 %d 0 0", j.handle, running)
	require.Equal(s, map[string][]string{"d": {want}}, s.ask("d", gearman.GetStatus, j.handle))
}

// gone takes a job away, of whose end everybody who waits for it has to hear, and nobody else.
func (s *shop) gone(j *work, heard map[string][]string, news string) {
	want := map[string][]string{}
	for _, ear := range j.ears {
		want[ear] = append(want[ear], news)
	}
	require.Equal(s, want, heard)
	s.jobs = slices.DeleteFunc(s.jobs, func(o *work) bool { return o == j })
}

func (s *shop) cancel() {
	if len(s.jobs) == 0 {
		s.Skip("there is no job")
	}
	j := s.jobs[rapid.IntRange(0, len(s.jobs)-1).Draw(s.T, "job")]
	require.Equal(s, []string{"OK"}, s.tell("cancel job "+j.handle, false))
	s.gone(j, s.listen(), "WORK_FAIL "+j.handle)
}

func (s *shop) lose(name string) {
	s.do(func(nodes.Env) { s.conns[name].Close() })
	delete(s.conns, name)
	s.leave(name)
	s.connect()
}

// restart kills the server, and its machine with it or not.
func (s *shop) restart() {
	crash := s.server.Crash
	if rapid.Bool().Draw(s.T, "with its machine") {
		crash = s.server.CrashMachine
	}
	strike := crash()
	s.do(func(nodes.Env) {
		for _, c := range s.conns {
			c.Close()
		}
	})
	clear(s.conns)
	strike.End()
	s.server.Start()
	s.model.restart(s.keeps)
	s.connect()
}

// compare looks at the lists that the server gives of itself.
func (s *shop) compare() {
	counts := map[string][3]int{"f": {0, 0, 2}, "g": {0, 0, 1}}
	var want []string
	for _, j := range s.jobs {
		n := counts[j.function]
		n[0]++
		abandoned, background := 0, 0
		if j.worker != "" {
			n[1]++
		}
		if j.background {
			background = 1
		} else if len(j.ears) == 0 {
			abandoned = 1
		}
		counts[j.function] = n
		want = append(want, fmt.Sprintf("%s %d %d", j.handle, abandoned, background))
	}
	for _, line := range s.tell("status", true) {
		var name string
		var n [3]int
		_, err := fmt.Sscan(line, &name, &n[0], &n[1], &n[2])
		require.NoError(s, err, line)
		require.Equal(s, counts[name], n, "status of %s", name)
		delete(counts, name)
	}
	require.Empty(s, counts, "functions that status does not list")
	var got []string
	for _, line := range s.tell("show jobs", true) {
		words := strings.Fields(line)
		require.Len(s, words, 4, line)
		got = append(got, words[0]+" "+words[2]+" "+words[3])
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(s, want, got)
}

// drain lets a worker do all that is left, in its order.
func (s *shop) drain() {
	s.lose("x")
	s.lose("w")
	for len(s.jobs) > 0 {
		before := len(s.jobs)
		s.grab("w")
		j := s.first(func(j *work) bool { return j.worker == "w" })
		s.gone(j, s.ask("w", gearman.WorkComplete, j.handle, "x"), "WORK_COMPLETE "+j.handle+" x")
		require.Less(s, len(s.jobs), before)
	}
	s.grab("w")
	s.compare()
}
