package admin_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/kv/admin"
	"simrun/nodes/kv/raftkv"
	"simrun/nodes/resp"
	"simrun/sim"
)

// asking is an Env whose workload is written down: each request comes when its time has come.
type asking struct {
	nodes.Env
	wishes *[]nodes.Request
}

func (a asking) Next() (nodes.Request, error) {
	if len(*a.wishes) == 0 {
		return nodes.Request{}, io.EOF
	}
	next := (*a.wishes)[0]
	*a.wishes = (*a.wishes)[1:]
	return next, a.Sleep(next.Intended)
}

// story is a group of kv/1 to kv/3 with a spare server, and an administrator with wishes, each two seconds after the one before.
func story(t *testing.T, change func(*admin.Config), wishes ...nodes.Request) (operations []*history.Operation, members []string) {
	t.Helper()
	w := sim.New(sim.Options{Seed: 3})
	t.Cleanup(w.Close)
	site := w.AddSite("here", w.AddSupplier("grid"), 0)
	all := []nodes.NodeName{"kv/1", "kv/2", "kv/3", "spare"}
	for i, name := range all {
		config := raftkv.DefaultConfig()
		config.Servers, config.Election = all[:3], 100*time.Millisecond
		if i == 3 {
			config.Servers, config.Rejoin = all, false
		}
		w.AddHost(sim.HostOptions{Name: string(name), Site: site, Main: func(env nodes.Env) error { return raftkv.Server.Main(env, config) }})
	}
	config := admin.DefaultConfig()
	config.Servers, config.Patience = all, 1500*time.Millisecond
	if change != nil {
		change(config)
	}
	for i := range wishes {
		wishes[i].ID, wishes[i].Intended = uint64(i+1), 2*time.Second
	}
	w.AddHost(sim.HostOptions{Name: "admin", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		return admin.Admin.Main(asking{env, &wishes}, config)
	}})
	w.AddHost(sim.HostOptions{Name: "person", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		_ = env.Sleep(20 * time.Second)
		stream, err := env.Dial("tcp", "kv/2:6379", time.Second)
		require.NoError(t, err)
		_, _ = stream.Write(resp.AppendCommand(nil, "RAFT", "MEMBERS"))
		v, err := resp.NewReader(stream, resp.Limits{}).ReadReply()
		require.NoError(t, err)
		for _, line := range v.Array {
			words := strings.Fields(string(line.Text))
			members = append(members, words[1]+" "+words[3])
		}
		return nil
	}})
	w.Run(21 * time.Second)
	require.Empty(t, w.Findings())
	for _, o := range w.Log().Finish().Operations {
		if o.Parent == 0 && o.Host == "admin" {
			operations = append(operations, o)
		}
	}
	return operations, members
}

func about(verb, member string) nodes.Request {
	return nodes.Request{Do: "change", Variant: verb, Options: &admin.MemberOptions{Member: member, Keep: 2}}
}

// If this failed, an administrator's wishes would come to something else, or he would not know what they came to.
func TestWishesComeTrue(t *testing.T) {
	operations, members := story(t, nil, about("transfer", "kv/2"), about("invite", "spare"), about("remove", "kv/1"), about("remove", "kv/3"),
		about("remove", "spare"), about("invite", "kv/1"))
	var told []string
	for _, o := range operations {
		told = append(told, fmt.Sprint(o.Kind, " ", o.Outcome))
	}
	require.Equal(t, []string{"transfer ok", "invite ok", "remove ok", "remove ok", "remove fail", "invite ok"}, told)
	require.ElementsMatch(t, []string{"leader kv/2:6379", "voter spare:6379", "voter kv/1:6379"}, members, "a server that was taken out comes back when it is asked")
}

// If this failed, an administrator would say that nothing was done where somebody may have done it.
func TestWishesStayOpen(t *testing.T) {
	operations, _ := story(t, func(c *admin.Config) { c.Servers = []nodes.NodeName{"kv/1", "kv/2", "kv/3", "nobody"} }, about("invite", "nobody"), about("transfer", "nobody"))
	require.Equal(t, history.Unknown, operations[0].Outcome)
	require.Equal(t, history.Fail, operations[1].Outcome)

	operations, _ = story(t, func(c *admin.Config) { c.Servers = []nodes.NodeName{"nowhere"} }, about("remove", ""))
	require.Equal(t, history.Fail, operations[0].Outcome)
}
