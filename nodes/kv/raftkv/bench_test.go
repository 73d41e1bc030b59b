package raftkv_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/kv/raftkv"
	"simrun/nodes/resp"
	"simrun/sim"
)

// BenchmarkWorld is what a committed write costs the simulator: a group under pipelines of writes, every one of which goes
// through a client's connection, the leader's log, the others' logs and disks, and back. It tells the simulated operations
// that are committed in a second of wall time, on one core.
func BenchmarkWorld(b *testing.B) {
	for _, servers := range []int{3, 5} {
		for _, pipeline := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%d servers/pipelines of %d", servers, pipeline), func(b *testing.B) { load(b, servers, pipeline) })
		}
	}
}

func load(b *testing.B, servers, pipeline int) {
	committed := 0
	w := group(servers, raftkv.IndexReads, func(env nodes.Env) error { return write(env, "kv/1:6379", pipeline, &committed) })
	defer w.Close()
	w.Run(3 * time.Second) // it leads, and the clients are at work
	begun, from := committed, w.Now()
	b.ReportAllocs()
	b.ResetTimer()
	for committed-begun < b.N {
		w.Run(w.Now() + 10*time.Millisecond)
	}
	b.ReportMetric(float64(committed-begun)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric((w.Now()-from).Seconds()/b.Elapsed().Seconds(), "×real")
}

// BenchmarkSteady is how much faster than real time a group runs that is asked for a thousand operations a second, each alone:
// writes only, or every other one a read, by either way of a leader to make sure that it still leads. An operation of the
// benchmark is a simulated second.
func BenchmarkSteady(b *testing.B) {
	for _, servers := range []int{3, 5} {
		for _, mix := range []struct {
			name     string
			commands []string
			reads    raftkv.Reads
		}{
			{"writes", []string{"SET key value-of-some-bytes"}, raftkv.IndexReads},
			{"half reads by index", []string{"SET key value-of-some-bytes", "GET key"}, raftkv.IndexReads},
			{"half reads by lease", []string{"SET key value-of-some-bytes", "GET key"}, raftkv.LeaseReads},
		} {
			b.Run(fmt.Sprintf("%d servers/%s", servers, mix.name), func(b *testing.B) {
				answered := 0
				w := group(servers, mix.reads, func(env nodes.Env) error { return askEvery(env, "kv/1:6379", mix.commands, &answered) })
				defer w.Close()
				until := 3 * time.Second
				w.Run(until)
				begun := answered
				b.ReportAllocs()
				for b.Loop() {
					until += time.Second
					w.Run(until)
				}
				b.ReportMetric(float64(answered-begun)/float64(b.N), "operations/simulated-s")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "×real")
			})
		}
	}
}

// group is a world of so many servers, the first of which leads, and eight clients.
func group(servers int, reads raftkv.Reads, client func(nodes.Env) error) *sim.World {
	w := sim.New(sim.Options{Seed: 1})
	site := w.AddSite("here", w.AddSupplier("grid"), 0)
	config := raftkv.DefaultConfig()
	config.Reads = reads
	for i := range servers {
		config.Servers = append(config.Servers, nodes.NodeName(fmt.Sprintf("kv/%d", i+1)))
	}
	for _, name := range config.Servers {
		w.AddHost(sim.HostOptions{Name: string(name), Site: site, Main: func(env nodes.Env) error { return raftkv.Server.Main(env, config) }})
	}
	for i := range 8 {
		w.AddHost(sim.HostOptions{Name: fmt.Sprint("client/", i), Site: site, Main: client})
	}
	for _, a := range w.Hosts() {
		for _, other := range w.Hosts() {
			if a != other {
				w.Network().SetLink(a.Name, other.Name, netmodel.LinkClass{Delay: nodes.Spread{Lo: 50 * time.Microsecond, Hi: 100 * time.Microsecond}})
			}
		}
	}
	return w
}

// askEvery asks 125 times a second, for one command after the other, and does not wait for the answers.
func askEvery(env nodes.Env, server string, commands []string, answered *int) error {
	if err := env.Sleep(2 * time.Second); err != nil { // until it leads
		return err
	}
	stream, err := env.Dial("tcp", server, time.Second)
	if err != nil {
		return err
	}
	env.Go("hear", func() {
		in := resp.NewReader(stream, resp.Limits{})
		for {
			switch v, err := in.ReadReply(); {
			case err != nil:
				return
			case v.Err() == nil:
				*answered++
			}
		}
	})
	var out [][]byte
	for _, command := range commands {
		out = append(out, resp.AppendCommand(nil, strings.Fields(command)...))
	}
	for n := 0; err == nil; n++ {
		if _, err = stream.Write(out[n%len(out)]); err == nil {
			err = env.Sleep(8 * time.Millisecond)
		}
	}
	return err
}

// write writes in pipelines until it is stopped.
func write(env nodes.Env, server string, pipeline int, committed *int) error {
	for {
		stream, err := env.Dial("tcp", server, time.Second)
		if err != nil {
			_ = env.Sleep(100 * time.Millisecond)
			continue
		}
		in := resp.NewReader(stream, resp.Limits{})
		var out []byte
		for n := range pipeline {
			out = resp.AppendCommand(out, []byte("SET"), fmt.Appendf(nil, "key-%d", n), []byte("a value of some bytes"))
		}
		for err == nil {
			_, err = stream.Write(out)
			for n := 0; err == nil && n < pipeline; n++ {
				var v resp.Value
				if v, err = in.ReadReply(); err == nil && v.Kind == resp.Simple {
					*committed++
				}
			}
		}
		_ = stream.Close()
		_ = env.Sleep(10 * time.Millisecond)
	}
}
