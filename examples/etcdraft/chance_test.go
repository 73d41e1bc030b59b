package main

import (
	"crypto/rand"
	"math/big"
	mathrand "math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// draw is how the library draws an election timeout.
func draw() int64 {
	n, _ := rand.Int(rand.Reader, big.NewInt(1000))
	return n.Int64()
}

// If this failed, worlds that run at the same time would take each other's luck, or the library none of them.
func TestEachHostDrawsItsOwn(t *testing.T) {
	draws := func(seed uint64) (all [50]int64) {
		host := mathrand.New(mathrand.NewPCG(seed, 1))
		for i := range all {
			luck.lend(host, func() { all[i] = draw() })
		}
		return all
	}
	alone := [2][50]int64{draws(1), draws(2)}
	require.NotEqual(t, alone[0], alone[1])
	var together [2][50]int64
	var both sync.WaitGroup
	for i := range together {
		both.Go(func() { together[i] = draws(uint64(i + 1)) })
	}
	both.Wait()
	require.Equal(t, alone, together)
	require.NotEqual(t, rand.Text(), rand.Text(), "where nothing is lent it is what it was")
}
