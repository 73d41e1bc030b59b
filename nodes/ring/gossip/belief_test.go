package gossip

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/ring"
)

// said is an update as somebody else sends it.
func said(id ring.ID, s State, incarnation uint64, by ring.ID) Update {
	return Update{Member: Member{Member: ring.Member{ID: id}, Address: address(id), State: s, Incarnation: incarnation}, By: by}
}

// among is a member that has heard of some others, at time zero.
func among(t *testing.T, o Options, others ...ring.ID) *Core {
	m := newWorld(t, 1, o).start(1)
	for _, id := range others {
		m.believe(said(id, Alive, 0, 0))
	}
	m.Output()
	return m.Core
}

// If this failed, the later word would not win, or a forgotten member would come back by a rumour of its death.
func TestWhoIsBelieved(t *testing.T) {
	c := among(t, Options{}, 2)
	for _, step := range []struct {
		say  Update
		want State
	}{
		{said(7, Dead, 3, 0), Unknown}, {said(7, Left, 3, 0), Unknown}, {said(2, Suspect, 0, 3), Suspect}, {said(2, Alive, 0, 0), Suspect},
		{said(2, Alive, 1, 0), Alive}, {said(2, Suspect, 0, 3), Alive}, {said(2, Dead, 1, 0), Dead}, {said(2, Suspect, 1, 3), Dead},
		{said(2, Left, 1, 0), Left}, {said(2, Dead, 1, 0), Left}, {said(2, Alive, 2, 0), Alive}, {said(7, Suspect, 0, 3), Suspect},
	} {
		c.believe(step.say)
		require.Equal(t, step.want, c.State(step.say.ID), "after %s", step.say)
	}
	var told []string
	for _, change := range c.Output().Changes {
		told = append(told, change.String())
	}
	require.Equal(t, []string{"2: alive → suspect/0", "2: suspect → alive/1", "2: alive → dead/1", "2: dead → left/1", "2: left → alive/2",
		"7: unknown → suspect/0"}, told)
}

// If this failed, a member would let itself be talked to death, or believe that it hears well when others say otherwise.
func TestAMemberContradicts(t *testing.T) {
	c := among(t, Options{}, 2)
	c.believe(said(1, Suspect, 4, 2))
	require.Equal(t, uint64(5), c.Self().Incarnation)
	require.Equal(t, 1, c.health)
	c.believe(said(1, Dead, 4, 2))
	require.Equal(t, uint64(5), c.Self().Incarnation, "that was contradicted already")
}

// If this failed, a death would be believed late although several saw it, or early because one said it twice.
func TestOthersWhoSuspectMakeItShorter(t *testing.T) {
	c := among(t, Options{}, 2, 3, 4, 5, 6)
	least := 2 * 3 * time.Second // of six members
	var until []time.Duration
	for _, by := range []ring.ID{3, 3, 4, 3, 4, 5, 6} {
		c.believe(said(2, Suspect, 0, by))
		until = append(until, c.peer(2).until.Sub(0))
	}
	one, two, three, four := slowest*least, 21*time.Second, 12240*time.Millisecond, least
	require.Equal(t, []time.Duration{one, one, two, two, two, three, four}, until)
	c.endSuspicions()
	require.Equal(t, Suspect, c.State(2))
	c.now = c.now.Add(least)
	c.endSuspicions()
	require.Equal(t, Dead, c.State(2))
}

// If this failed, news would not get around, or would never end; or messages would be too large when there is much of it.
func TestNewsIsPassedOnSoOftenAndFits(t *testing.T) {
	c := among(t, Options{Spread: 2}, 2)
	said9 := 0
	c.believe(said(9, Alive, 0, 0))
	for range 50 {
		c.Step(0, Message{Type: Ping, From: c.peer(2).Member})
		for _, m := range c.Output().Send {
			for _, u := range m.Updates {
				if u.ID == 9 {
					said9++
				}
			}
		}
	}
	require.Equal(t, 2*digits(2), said9)
	for id := ring.ID(10); id < 300; id++ {
		c.believe(said(id, Alive, 0, 0))
	}
	heard := map[ring.ID]bool{}
	for range 20 {
		c.Step(0, Message{Type: Ping, From: c.peer(2).Member})
		for _, m := range c.Output().Send {
			require.LessOrEqual(t, len(AppendMessage(nil, &m)), 1200)
			require.Greater(t, len(m.Updates), 20)
			for _, u := range m.Updates {
				heard[u.ID] = true
			}
		}
	}
	require.Len(t, heard, 290, "what was told least goes first")
}
