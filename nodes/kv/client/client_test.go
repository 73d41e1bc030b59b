package client

import (
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/osenv"
	"simrun/nodes/resp"
)

// turn lets one script at a time answer, and lets a test see what all of them noted.
var turn sync.Mutex

// scripted is a server that answers by a script: what it returns for a command, without its line end, or nothing, or
// "close" to hang up.
func scripted(t *testing.T, script func(line string) string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			stream, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer stream.Close()
				in := resp.NewReader(stream, resp.Limits{})
				for {
					args, err := in.ReadCommand()
					if err != nil {
						return
					}
					var words []string
					for _, arg := range args {
						words = append(words, string(arg))
					}
					turn.Lock()
					answer := script(strings.Join(words, " "))
					turn.Unlock()
					if answer == "close" {
						return
					}
					if answer != "" {
						_, _ = stream.Write([]byte(answer + "\r\n"))
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// requesting is an Env with a workload of its own.
type requesting struct {
	nodes.Env
	record   nodes.Recorder
	requests *[]nodes.Request
}

func (r requesting) Record() nodes.Recorder { return r.record }

func (r requesting) Next() (nodes.Request, error) {
	if len(*r.requests) == 0 {
		return r.Env.Next()
	}
	next := (*r.requests)[0]
	*r.requests = (*r.requests)[1:]
	return next, nil
}

// whatComesOf lets a client do an operation, and gives what it noted.
func whatComesOf(t *testing.T, change func(c *Config), verb string, servers ...string) *history.Operation {
	t.Helper()
	return whatComesOfAll(t, 1, change, verb, servers...)[0]
}

// whatComesOfAll lets a client do an operation several times, one after the other, and gives what it noted.
func whatComesOfAll(t *testing.T, times int, change func(c *Config), verb string, servers ...string) (all []*history.Operation) {
	t.Helper()
	config := DefaultConfig()
	config.Timeout, config.BackoffMin, config.BackoffMax = 2*time.Second, time.Millisecond, time.Millisecond
	for _, s := range servers {
		config.Servers = append(config.Servers, nodes.NodeName(s))
	}
	if change != nil {
		change(config)
	}
	start, dead := time.Now(), false
	log := history.NewLog(func() history.Time { return time.Since(start) })
	host := osenv.New(osenv.Options{Host: "client", Seed: 1, Log: slog.New(slog.DiscardHandler)})
	var requests []nodes.Request
	for i := range times {
		requests = append(requests, nodes.Request{ID: uint64(i + 1), Do: verb, Options: &AccessOptions{Keys: 1}})
	}
	require.NoError(t, host.Run(func(env nodes.Env) error {
		env = requesting{env, log.For("client", &dead), &requests}
		c := &client{env: env, config: config, errands: errands{client: "client", known: map[string][]byte{}}}
		c.know()
		for range times {
			request, err := env.Next()
			if err != nil {
				return err
			}
			if err := c.serve(request); err != nil {
				return err
			}
			if err := c.servers.Settle(); err != nil {
				return err
			}
		}
		return nil
	}))
	turn.Lock()
	defer turn.Unlock()
	for _, o := range log.Finish().Operations {
		if o.Parent == 0 {
			all = append(all, o)
		}
	}
	require.Len(t, all, times)
	return all
}

// counting gives the answers of a script in their order, the last again and again, and counts what was asked.
func counting(asked *[]string, answers ...string) func(line string) string {
	return func(line string) string {
		if line == "ONCE OPEN" {
			return ":7"
		}
		*asked = append(*asked, line)
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return answer
	}
}

// If this failed, checkers would be told that something happened, or did not, of which nobody knows.
func TestWhatIsKnownOfAnOutcome(t *testing.T) {
	const set = "ONCE 7 1 VERSIONED SET key-1 client-1"
	for name, c := range map[string]struct {
		verb    string
		change  func(c *Config)
		answers []string
		outcome history.Outcome
		asked   []string
	}{
		"acknowledged":               {"write", nil, []string{"*2\r\n+OK\r\n:9"}, history.Ok, []string{set}},
		"refused":                    {"write", func(c *Config) { c.Retries = 1 }, []string{"-TRYAGAIN no"}, history.Fail, []string{set, set}},
		"silent":                     {"write", func(c *Config) { c.Timeout, c.Retries = 500*time.Millisecond, 1 }, []string{""}, history.Unknown, []string{set, set}},
		"hung up, then acknowledged": {"write", nil, []string{"close", "*2\r\n+OK\r\n:9"}, history.Ok, []string{set, set}},
		"hung up, then refused":      {"write", func(c *Config) { c.Retries = 1 }, []string{"close", "-MISCONF full"}, history.Unknown, []string{set, set}},
		"never again":                {"write", func(c *Config) { c.Retry, c.Versions = RetryNever, false }, []string{"close"}, history.Unknown, []string{"SET key-1 client-1"}},
		"never again, but refused at first": {"write", func(c *Config) { c.Retry, c.Versions = RetryNever, false }, []string{"-TRYAGAIN no", "+OK"}, history.Ok,
			[]string{"SET key-1 client-1", "SET key-1 client-1"}},
		"as new":                    {"write", func(c *Config) { c.Retry, c.Versions = RetryNew, false }, []string{"close", "+OK"}, history.Ok, []string{"SET key-1 client-1", "SET key-1 client-1"}},
		"the session is gone":       {"write", nil, []string{"close", "-NOSESSION gone"}, history.Unknown, []string{set, set}},
		"the session was not there": {"write", nil, []string{"-NOSESSION gone", "*2\r\n+OK\r\n:9"}, history.Ok, []string{set, set}},
		"uncertain":                 {"write", func(c *Config) { c.Retries = 0 }, []string{"-UNCERTAIN perhaps"}, history.Unknown, []string{set}},
		"nonsense":                  {"read", func(c *Config) { c.Retries = 0 }, []string{":5"}, history.Unknown, []string{"VERSIONED GET key-1"}},
		"nothing there":             {"read", nil, []string{"*2\r\n$-1\r\n$-1"}, history.Ok, []string{"VERSIONED GET key-1"}},
		"swapped":                   {"cas", nil, []string{"*2\r\n$-1\r\n:3"}, history.Ok, []string{"ONCE 7 1 VERSIONED SET key-1 client-1 NX GET"}},
		"counted":                   {"fetch-add", nil, []string{":4"}, history.Ok, []string{"ONCE 7 1 INCR key-counter"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			o := whatComesOf(t, c.change, c.verb, scripted(t, counting(&asked, c.answers...)))
			require.Equal(t, c.outcome, o.Outcome, "%s", o.Reason)
			require.Equal(t, c.asked, asked)
		})
	}
}

// If this failed, histories would not say what was read and written, as checkers read it.
func TestTheHistorySaysWhatWasSeen(t *testing.T) {
	var asked []string
	o := whatComesOf(t, nil, "read", scripted(t, counting(&asked, "*2\r\n$1\r\nx\r\n:5")))
	require.Equal(t, "key-1", o.Input("key").String())
	require.Equal(t, "x", o.Output("value").String())
	require.Equal(t, int64(5), o.Output("version").Int64())
	o = whatComesOf(t, nil, "cas", scripted(t, counting(&asked, "*2\r\n$1\r\nx\r\n:5")))
	require.Nil(t, o.Input("old").Any())
	require.Equal(t, "client-1", o.Input("new").String())
	require.False(t, o.Output("swapped").Bool())
	require.Equal(t, "x", o.Output("value").String())
	o = whatComesOf(t, nil, "fetch-add", scripted(t, counting(&asked, ":5")))
	require.Equal(t, int64(1), o.Input("value").Int64())
	require.Equal(t, int64(4), o.Output("value").Int64())
}

// If this failed, a client of a cluster would stay with a server that has sent it away, or follow in circles.
func TestAClientFollowsWhereItIsSent(t *testing.T) {
	var asked []string
	there := scripted(t, counting(&asked, "*2\r\n+OK\r\n:9"))
	here := scripted(t, func(string) string { return "-MOVED 5 " + there })
	require.Equal(t, history.Ok, whatComesOf(t, nil, "write", here).Outcome)
	require.Equal(t, []string{"ONCE 7 1 VERSIONED SET key-1 client-1"}, asked)

	asked = nil
	there = scripted(t, func(line string) string {
		asked = append(asked, line)
		return map[bool]string{true: "+OK", false: "*2\r\n$-1\r\n$-1"}[line == "ASKING"]
	})
	here = scripted(t, func(string) string { return "-ASK 5 " + there })
	require.Equal(t, history.Ok, whatComesOf(t, nil, "read", here).Outcome)
	require.Equal(t, []string{"ASKING", "VERSIONED GET key-1"}, asked)

	count := 0
	var circle string
	circle = scripted(t, func(string) string { count++; return "-MOVED 5 " + circle })
	require.Equal(t, history.Fail, whatComesOf(t, func(c *Config) { c.Retries = 1 }, "read", circle).Outcome)
	require.LessOrEqual(t, count, 2*(mostRedirections+1))
}

// If this failed, a client would stay with a server that does not answer while another would.
func TestAClientGoesToAnotherServer(t *testing.T) {
	var asked []string
	mute := scripted(t, func(string) string { return "" })
	there := scripted(t, counting(&asked, "*2\r\n$-1\r\n$-1"))
	o := whatComesOf(t, func(c *Config) { c.Timeout = 500 * time.Millisecond }, "read", mute, there)
	require.Equal(t, history.Ok, o.Outcome)
	require.Equal(t, there, o.Output("server").String())
	require.Equal(t, history.Fail, whatComesOf(t, func(c *Config) { c.Timeout, c.Retries = 500*time.Millisecond, 0 }, "read", "127.0.0.1:1").Outcome)
}

// If this failed, a client would never find a group again of whose members the first two that it knows were taken out:
// whoever does not answer, or refuses, gives its place to the next, also for the requests to come.
func TestAClientComesRoundToEveryServer(t *testing.T) {
	refusing := func() string { return scripted(t, func(string) string { return "-CLUSTERDOWN no leader is known" }) }
	var asked []string
	there := scripted(t, counting(&asked, "*2\r\n$-1\r\n$-1"))
	servers := []string{refusing(), refusing(), "127.0.0.1:1", refusing(), there}
	require.Equal(t, history.Ok, whatComesOf(t, func(c *Config) { c.Retries = 4 }, "read", servers...).Outcome)

	all := whatComesOfAll(t, 6, func(c *Config) { c.Retries = 0 }, "read", servers...)
	require.Equal(t, history.Ok, all[4].Outcome, "%s", all[4].Reason)
	require.Equal(t, there, all[5].Output("server").String(), "who has answered is asked again")
}

// Whatever a server says, a client ends with an outcome.
func FuzzAnswers(f *testing.F) {
	f.Add("*2\r\n+OK\r\n:9")
	f.Add("-MOVED 5 127.0.0.1:1")
	f.Add("-MOVED")
	f.Add("-NOSESSION")
	f.Fuzz(func(t *testing.T, answer string) {
		for _, verb := range verbs {
			o := whatComesOf(t, func(c *Config) { c.Retries, c.Timeout = 1, 5*time.Millisecond }, verb, scripted(t, func(string) string { return answer }))
			require.NotEqual(t, history.Pending, o.Outcome)
		}
	})
}

// If this failed, a client that adds to a basket would write over what it has not seen, or drop what it has.
func TestWhoAddsPutsSiblingsTogether(t *testing.T) {
	var asked []string
	o := whatComesOf(t, func(c *Config) { c.Retry, c.Versions = RetryNever, false }, "add",
		scripted(t, counting(&asked, "*2\r\n*2\r\n$3\r\nb,a\r\n$3\r\nc,a\r\n$3\r\ntok", "+OK")))
	require.Equal(t, history.Ok, o.Outcome, "%s", o.Reason)
	require.Equal(t, []string{"VERSIONED GET key-1", "CONTEXT tok SET key-1 a,b,c," + o.Input("value").String()}, asked)

	o = whatComesOf(t, nil, "list", scripted(t, counting(&asked, "*2\r\n*2\r\n$3\r\nb,a\r\n$3\r\nc,a\r\n$3\r\ntok")))
	require.Equal(t, []string{"a", "b", "c"}, o.Output("value").Any())

	o = whatComesOf(t, func(c *Config) { c.Retry, c.Retries = RetryNever, 0 }, "add", scripted(t, counting(&asked, "$1\r\nx")))
	require.Equal(t, history.Fail, o.Outcome, "nothing was written")
}
