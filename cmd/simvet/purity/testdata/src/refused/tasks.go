package refused

import (
	"context"
	"io"
	"runtime"     // want `does not import runtime: what it knows`
	"sync"        // want `does not import sync: tasks of a node take turns`
	"sync/atomic" // want `does not import sync/atomic`
)

func tasks() {
	go tasks() // want `does not say go: use env.Go`
	var m sync.Mutex
	m.Lock()
	var n atomic.Int64
	n.Add(1)
	runtime.Gosched()
	_ = runtime.NumGoroutine()
	c := make(chan int) // want `has no channel`
	c <- 1              // want `does not send on a channel`
	_ = <-c             // want `does not receive from a channel`
	for range c {       // want `does not receive from a channel`
	}
	select {} // want `does not select`
}

func choose(a, b chan int) { // want `has no channel`
	select { // want `does not select`
	case <-a:
		go tasks() // want `does not say go`
	case b <- 1:
	}
	_, _ = context.WithCancel(context.Background()) // want `context.WithCancel: use env.Go, and Cancel`
	_, _ = io.Pipe()                                // want `io.Pipe`
}
