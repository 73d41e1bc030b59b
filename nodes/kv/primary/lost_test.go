package primary

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/link"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// If this failed, a server that lost its disk, and with it what it had promised, would follow a primary of an epoch that it had
// promised to take nothing of any more, or answer a ballot of a monitor that leads no more; what it acknowledges there is looked for
// by nobody.
func TestOneThatMayHaveForgottenItsPromisesTakesNoPart(t *testing.T) {
	old := decree{epoch: 3, id: 77, primary: "kv/2:16379", life: 9}
	latest := decree{epoch: 5, id: 78, primary: "kv/1:16379", life: 8} // of this server's life before: it follows nobody
	grants := func(g grant) func(s *server) error {
		return func(s *server) error { return s.granted(&wire{rest: g.append(nil)[1:]}) }
	}
	fences := func(f fence) func(s *server) error {
		return func(s *server) error { return s.fenced(&wire{rest: f.append(nil)[1:]}) }
	}
	for name, c := range map[string]struct {
		hears    func(s *server) error
		promised uint64 // from then on
		whole    bool
	}{
		"a monitor that may be behind":                     {hears: grants(grant{life: 1, decree: old})},
		"an answer to the life before":                     {hears: grants(grant{life: 7, decree: old, sure: true})},
		"the leading monitor":                              {hears: grants(grant{life: 1, decree: latest, sure: true}), promised: 5},
		"a ballot":                                         {hears: fences(fence{epoch: 4, ballot: 6})},
		"that there was no primary, when it lived before":  {hears: fences(fence{epoch: 1, ballot: 6, founds: 7})},
		"that there is no primary yet, from who knows now": {hears: fences(fence{epoch: 1, ballot: 6, founds: 1}), promised: 1, whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := disk.New(luck.Stream{}, disk.Options{})
			require.NoError(t, live(disk.FS(d), DefaultConfig(), func(s *server) error {
				s.self = "kv/1:16379"
				err := c.hears(s)
				require.Equal(t, c.promised, s.promised)
				require.Equal(t, c.whole, s.whole)
				require.Nil(t, s.session)
				require.Equal(t, c.promised == 0, s.isLost())
				return err
			}))
			require.NoError(t, live(disk.FS(d), DefaultConfig(), func(s *server) error {
				require.Equal(t, c.promised, s.promised, "after a restart")
				return nil
			}))
		})
	}
}

// If this failed, what a server had promised to an earlier ballot would count in one that begins when it has lost its disk, and has
// acknowledged since what it had promised not to.
func TestABallotCountsAnswersToItself(t *testing.T) {
	require.NoError(t, lives.On(disk.FS(disk.New(luck.Stream{}, disk.Options{})), func(env nodes.Env) error {
		l, err := link.Open(env, link.Options{Self: "monitor/1:26380", Listen: "127.0.0.1:0"}, func(string, []byte) {})
		require.NoError(t, err)
		defer l.Close()
		config := DefaultMonitorConfig()
		config.Settle = time.Hour
		m := &monitor{env: env, config: config, record: env.Record(), link: l, servers: []string{"kv/1:16379", "kv/2:16379", "kv/3:16379"},
			heard: map[string]*hearing{}, decree: decree{epoch: 4, primary: "kv/1:16379"}}
		m.hold()
		earlier := m.ballot.id
		m.hold()
		b := m.ballot
		require.NotEqual(t, earlier, b.id)
		require.EqualValues(t, 5, b.epoch)
		r := report{life: 1, promised: 5, ballot: earlier, acknowledge: 1, whole: true}
		m.vote(b, "kv/2:16379", &r)
		require.Empty(t, b.answers, "a late answer")
		r.ballot = b.id
		m.vote(b, "kv/2:16379", &r)
		require.Len(t, b.answers, 1)
		return nil
	}))
}
